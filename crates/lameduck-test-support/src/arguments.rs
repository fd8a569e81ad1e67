//! The arguments of an example, and the line that says where it listens.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// The exit code of a program that was called with wrong arguments.
const USAGE: i32 = 2;

/// The arguments of an example: `--name value` pairs, and one word before them.
///
/// A server of your own would write its timeouts into its code. The examples take them as
/// arguments, because their tests cannot wait as long as a load balancer has to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    word: Option<String>,
    options: BTreeMap<String, String>,
}

impl Arguments {
    /// Reads the arguments of this process. `--addr` and `--lame-duck` are known to each example,
    /// `more` only to this one.
    ///
    /// Ends the process with exit code 2 if an argument is unknown or has no value.
    #[must_use]
    pub fn read(more: &[&str]) -> Self {
        Self::parse(more, std::env::args().skip(1)).unwrap_or_else(|error| fail(&error))
    }

    fn parse(more: &[&str], args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut args = args.into_iter().peekable();
        let word = args.next_if(|arg| !arg.starts_with("--"));
        let mut options = BTreeMap::new();
        while let Some(name) = args.next() {
            let known = [&["--addr", "--lame-duck"], more].concat();
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(format!("unknown argument `{name}`; this example takes {known}"));
            }
            let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            options.insert(name, value);
        }
        Ok(Self { word, options })
    }

    /// The word before the options, if there is one.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        self.word.as_deref()
    }

    /// The value of an option, if it was given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The value of an option in milliseconds, if it was given.
    ///
    /// Ends the process with exit code 2 if the value is not a number.
    #[must_use]
    pub fn millis(&self, name: &str) -> Option<Duration> {
        let value = self.get(name)?;
        let millis = value.parse().ok().map(Duration::from_millis);
        millis.or_else(|| fail(&format!("`{name} {value}`: write a number of milliseconds")))
    }

    /// Where to listen: `--addr`. By default 127.0.0.1:0, a free port.
    #[must_use]
    pub fn addr(&self) -> &str {
        self.get("--addr").unwrap_or("127.0.0.1:0")
    }

    /// How long to serve after SIGTERM: `--lame-duck`, in milliseconds. By default 5 s.
    #[must_use]
    pub fn lame_duck(&self) -> Duration {
        self.millis("--lame-duck").unwrap_or(Duration::from_secs(5))
    }
}

/// Prints where an example listens. A test or a drill reads the port from this line.
#[expect(clippy::print_stdout, reason = "the first line of output is the address")]
pub fn announce(scheme: &str, addr: SocketAddr) {
    println!("listening on {scheme}://{addr}");
}

#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "only examples call it")]
fn fail(error: &str) -> ! {
    eprintln!("{error}");
    std::process::exit(USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(&["--next"], args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn options_are_read_and_those_left_out_have_a_default() {
        let args = parse(&["edge", "--next", "http://x", "--lame-duck", "300"]).unwrap();
        assert_eq!((args.word(), args.get("--next")), (Some("edge"), Some("http://x")));
        assert_eq!(args.lame_duck(), Duration::from_millis(300));
        assert_eq!(args.addr(), "127.0.0.1:0");
        assert_eq!(parse(&[]).unwrap().lame_duck(), Duration::from_secs(5));
    }

    #[test]
    fn an_option_that_is_unknown_or_has_no_value_is_named() {
        assert!(parse(&["--adr", "x"]).unwrap_err().contains("`--adr`"));
        assert!(parse(&["--addr"]).unwrap_err().contains("`--addr` needs a value"));
    }
}
