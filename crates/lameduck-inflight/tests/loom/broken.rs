//! The mistakes. A model that let one of them pass would prove nothing.

use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};

use crate::Count;

/// One counter per shard that grows and shrinks.
pub(crate) mod signed {
    use super::{Arc, AtomicUsize, Count, Ordering};

    #[derive(Clone)]
    pub(crate) struct Broken(Arc<[AtomicUsize; 2]>);

    pub(crate) struct Guard(Broken, usize);

    impl Broken {
        pub(crate) fn new() -> Self {
            Self(Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]))
        }
    }

    impl Count for Broken {
        type Guard = Guard;

        fn enter_at(&self, shard: usize) -> Guard {
            self.0[shard].fetch_add(1, Ordering::SeqCst);
            Guard(self.clone(), shard)
        }

        fn is_idle(&self) -> bool {
            self.0.iter().map(|shard| shard.load(Ordering::SeqCst)).sum::<usize>() == 0
        }

        fn wait(&self) {
            unreachable!("this model does not wait");
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.0[self.1].fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Two counters per shard, of which `entered` is summed before `left`.
pub(crate) mod wrong_order {
    use super::{Arc, AtomicUsize, Count, Ordering};

    #[derive(Clone)]
    pub(crate) struct Broken {
        entered: Arc<[AtomicUsize; 2]>,
        left: Arc<[AtomicUsize; 2]>,
    }

    pub(crate) struct Guard(Broken, usize);

    impl Broken {
        pub(crate) fn new() -> Self {
            let pair = || Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            Self { entered: pair(), left: pair() }
        }
    }

    impl Count for Broken {
        type Guard = Guard;

        fn enter_at(&self, shard: usize) -> Guard {
            self.entered[shard].fetch_add(1, Ordering::SeqCst);
            Guard(self.clone(), shard)
        }

        fn is_idle(&self) -> bool {
            let sum = |counters: &[AtomicUsize; 2]| {
                counters.iter().map(|counter| counter.load(Ordering::SeqCst)).sum::<usize>()
            };
            let entered = sum(&self.entered);
            entered == sum(&self.left)
        }

        fn wait(&self) {
            unreachable!("this model does not wait");
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.left[self.1].fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The crate's protocol, where nothing orders the leave and the read of the waiters.
pub(crate) mod relaxed {
    use super::{Arc, AtomicUsize, Count, Ordering};

    #[derive(Clone)]
    pub(crate) struct Broken(Arc<Inner>);

    struct Inner {
        inside: [AtomicUsize; 2],
        waiting: AtomicUsize,
        notify: loom::sync::Notify,
    }

    pub(crate) struct Guard(Broken, usize);

    impl Broken {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Inner {
                inside: [AtomicUsize::new(0), AtomicUsize::new(0)],
                waiting: AtomicUsize::new(0),
                notify: loom::sync::Notify::new(),
            }))
        }
    }

    impl Count for Broken {
        type Guard = Guard;

        fn enter_at(&self, shard: usize) -> Guard {
            self.0.inside[shard].fetch_add(1, Ordering::AcqRel);
            Guard(self.clone(), shard)
        }

        fn is_idle(&self) -> bool {
            self.0.inside.iter().all(|shard| shard.load(Ordering::Acquire) == 0)
        }

        fn wait(&self) {
            self.0.waiting.fetch_add(1, Ordering::AcqRel);
            while !self.is_idle() {
                self.0.notify.wait();
            }
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            let inner = &self.0.0;
            inner.inside[self.1].fetch_sub(1, Ordering::AcqRel);
            if inner.waiting.load(Ordering::Acquire) != 0 {
                inner.notify.notify();
            }
        }
    }
}
