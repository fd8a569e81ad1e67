//! Stop timeouts as text: from the environment, or from a configuration file.

use std::time::Duration;

use crate::{StopTimeouts, StopTimeoutsError};

/// The stop timeouts that are given, by their names. The others keep their defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub(crate) struct Given {
    lame_duck: Option<Text>,
    lame_duck_quiet: Option<Text>,
    lame_duck_max: Option<Text>,
    drain: Option<Text>,
    accept_queue: Option<Text>,
    cancel: Option<Text>,
    force: Option<Text>,
    hooks: Option<Text>,
}

/// A duration that is written with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub(crate) struct Text(Duration);

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        humantime::parse_duration(&text).map(Self).map_err(|error| {
            format!(
                "{text:?} is not a duration ({error}): write a number with a unit, such as 15s, \
                 500ms or 1m 30s"
            )
        })
    }
}

impl From<Text> for String {
    fn from(Text(duration): Text) -> Self {
        humantime::format_duration(duration).to_string()
    }
}

impl Given {
    #[cfg(feature = "env")]
    const NAMES: [&str; 8] = [
        "lame_duck",
        "lame_duck_quiet",
        "lame_duck_max",
        "drain",
        "accept_queue",
        "cancel",
        "force",
        "hooks",
    ];

    /// Sets the timeout of this name.
    ///
    /// # Errors
    ///
    /// A name that does not exist, or a text that is not a duration.
    #[cfg(feature = "env")]
    pub(crate) fn set(&mut self, name: &str, text: String) -> Result<(), String> {
        let field = match name {
            "lame_duck" => &mut self.lame_duck,
            "lame_duck_quiet" => &mut self.lame_duck_quiet,
            "lame_duck_max" => &mut self.lame_duck_max,
            "drain" => &mut self.drain,
            "accept_queue" => &mut self.accept_queue,
            "cancel" => &mut self.cancel,
            "force" => &mut self.force,
            "hooks" => &mut self.hooks,
            _ => {
                return Err(format!(
                    "there is no such timeout; there are {}",
                    Self::NAMES.join(", ")
                ));
            }
        };
        *field = Some(Text::try_from(text)?);
        Ok(())
    }

    /// The timeouts, with the defaults for those that were not given.
    ///
    /// # Errors
    ///
    /// Only one of `lame_duck_quiet` and `lame_duck_max`.
    pub(crate) fn timeouts(self) -> Result<StopTimeouts, StopTimeoutsError> {
        let mut timeouts = StopTimeouts::new();
        let lame_duck = self.lame_duck.map_or(timeouts.lame_duck(), |Text(time)| time);
        timeouts = match (self.lame_duck_quiet, self.lame_duck_max) {
            (None, None) => timeouts.with_lame_duck(lame_duck),
            (Some(Text(quiet)), Some(Text(max))) => {
                timeouts.with_lame_duck_until_quiet(lame_duck, quiet, max)
            }
            (quiet, _) => {
                let (given, missing) = match quiet {
                    Some(_) => ("lame_duck_quiet", "lame_duck_max"),
                    None => ("lame_duck_max", "lame_duck_quiet"),
                };
                return Err(StopTimeoutsError::new(format!(
                    "stop timeout `{given}` is given without `{missing}`: lame duck ends early \
                     only with both, so give both or neither"
                )));
            }
        };
        let set = |timeouts: StopTimeouts,
                   text: Option<Text>,
                   with: fn(StopTimeouts, Duration) -> StopTimeouts| {
            text.map_or(timeouts, |Text(time)| with(timeouts, time))
        };
        timeouts = set(timeouts, self.drain, StopTimeouts::with_drain);
        timeouts = set(timeouts, self.accept_queue, StopTimeouts::with_accept_queue);
        timeouts = set(timeouts, self.cancel, StopTimeouts::with_cancel);
        timeouts = set(timeouts, self.force, StopTimeouts::with_force);
        Ok(set(timeouts, self.hooks, StopTimeouts::with_hooks))
    }
}

#[cfg(feature = "serde")]
impl From<StopTimeouts> for Given {
    fn from(timeouts: StopTimeouts) -> Self {
        let ends_early = timeouts.lame_duck_max() != timeouts.lame_duck();
        Self {
            lame_duck: Some(Text(timeouts.lame_duck())),
            lame_duck_quiet: ends_early.then_some(Text(timeouts.quiet())),
            lame_duck_max: ends_early.then_some(Text(timeouts.lame_duck_max())),
            drain: Some(Text(timeouts.drain())),
            accept_queue: Some(Text(timeouts.accept_queue())),
            cancel: Some(Text(timeouts.cancel())),
            force: Some(Text(timeouts.force())),
            hooks: Some(Text(timeouts.hooks())),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Given> for StopTimeouts {
    type Error = StopTimeoutsError;

    fn try_from(given: Given) -> Result<Self, StopTimeoutsError> {
        given.timeouts()
    }
}
