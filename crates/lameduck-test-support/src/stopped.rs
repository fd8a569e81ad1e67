//! How a server ended, and what every stop has to show in its log.

use std::time::Duration;

use serde_json::Value;

/// How a [`TestServer`](crate::TestServer) ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stopped {
    /// The exit code. `None` if a signal ended the process.
    pub code: Option<i32>,
    /// The time from the call of [`TestServer::stopped`](crate::TestServer::stopped) to the end.
    pub waited: Duration,
    /// All lines of the log.
    pub log: Vec<Value>,
}

impl Stopped {
    /// The fields of all events with this name.
    #[must_use]
    pub fn events(&self, name: &str) -> Vec<&Value> {
        let fields = self.log.iter().map(|line| &line["fields"]);
        fields.filter(|fields| fields["event"] == name).collect()
    }

    /// The fields of the only event with this name.
    ///
    /// # Panics
    ///
    /// If there is no such event, or more than one.
    #[must_use]
    #[track_caller]
    pub fn event(&self, name: &str) -> &Value {
        match self.events(name)[..] {
            [event] => event,
            ref others => panic!("{} events {name} in {:#?}", others.len(), self.log),
        }
    }

    /// A number in the only event with this name.
    ///
    /// # Panics
    ///
    /// If there is no such event, or the field is not a number.
    #[must_use]
    #[track_caller]
    pub fn number(&self, event: &str, field: &str) -> u64 {
        self.event(event)[field].as_u64().expect("the field is a number")
    }

    /// Checks what every clean stop has to show: it was logged from its start to its end, its
    /// numbers add up, it was not forced, and the exit code is 0.
    ///
    /// # Panics
    ///
    /// If the stop was not clean.
    #[track_caller]
    pub fn assert_clean(&self) {
        self.assert_adds_up();
        assert_eq!(self.code, Some(0), "{:#?}", self.log);
        assert_eq!(self.event("shutdown.completed")["outcome"], "clean", "{:#?}", self.log);
        assert!(self.events("shutdown.forced").is_empty(), "{:#?}", self.log);
    }

    /// Checks that the stop was logged from its start to its end, and that its numbers add up.
    ///
    /// # Panics
    ///
    /// If an event is missing, or a number is wrong.
    #[track_caller]
    pub fn assert_adds_up(&self) {
        assert!(self.log.iter().all(Value::is_object), "not only JSON: {:#?}", self.log);
        let _once = self.event("shutdown.initiated");
        let [accepted, finished, rejected, aborted] =
            ["accepted", "finished", "rejected", "aborted"]
                .map(|field| self.number("shutdown.completed", field));
        assert_eq!(accepted, finished + rejected + aborted, "{:#?}", self.log);
    }
}
