//! Values that travel with a request, by their type.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
};

use lameduck_context::{ContextLayer, RequestContext};
use tower::{Layer, ServiceExt};

use crate::support::{Left, ask, current, handler, hello};

#[derive(Debug, PartialEq)]
struct Tenant(&'static str);

#[derive(Debug, PartialEq)]
struct User(u64);

/// The context of a request that has ended.
async fn context() -> RequestContext {
    let left = Left::new();
    let theirs = left.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        theirs.leave(current());
        async { hello() }
    }));
    drop(service.oneshot(ask()).await.expect("infallible"));
    left.take()
}

#[tokio::test]
async fn a_value_is_found_by_its_type_and_the_first_stays() {
    let context = context().await;
    assert_eq!(context.value::<Tenant>(), None);
    assert!(context.set_value(Tenant("a")));
    assert!(context.set_value(User(7)));
    assert!(!context.set_value(Tenant("b")));
    assert_eq!(context.value(), Some(&Tenant("a")));
    assert_eq!(context.clone().value(), Some(&User(7)));
    assert_eq!(context.value::<String>(), None);
}

#[tokio::test]
async fn a_part_sees_the_values_of_the_whole_and_has_its_own() {
    let context = context().await;
    context.set_value(Tenant("a"));
    let part = context.child(1.0);
    part.set_value(User(7));
    assert_eq!(part.value(), Some(&Tenant("a")));
    assert!(part.set_value(Tenant("part")));
    assert_eq!(part.value(), Some(&Tenant("part")));
    assert_eq!((context.value(), context.value::<User>()), (Some(&Tenant("a")), None));
}

#[tokio::test]
async fn a_value_is_dropped_with_its_request_and_not_seen_by_the_next() {
    struct Noisy(Arc<AtomicUsize>);
    impl Drop for Noisy {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let theirs = dropped.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        let is_fresh = current().value::<Noisy>().is_none();
        assert!(is_fresh && current().set_value(Noisy(theirs.clone())));
        async { hello() }
    }));
    for count in 1..4 {
        drop(service.clone().oneshot(ask()).await.expect("infallible"));
        assert_eq!(dropped.load(Ordering::Relaxed), count);
    }
}

#[tokio::test]
async fn of_many_threads_that_set_a_value_one_succeeds_and_all_see_it() {
    for _ in 0..50 {
        let context = context().await;
        let start = Barrier::new(4);
        let set = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (context, start, set) = (&context, &start, &set);
                scope.spawn(move || {
                    start.wait();
                    set.fetch_add(context.set_value(User(thread)).into(), Ordering::Relaxed);
                    context.set_value(thread);
                    assert!(context.value::<User>().is_some());
                    assert!(context.value::<u64>().is_some());
                });
            }
        });
        assert_eq!(set.load(Ordering::Relaxed), 1);
    }
}
