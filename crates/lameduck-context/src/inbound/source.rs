//! One header in which a caller says how long it waits.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::formats;

/// Reads a value of another format.
type Read = Arc<dyn Fn(&HeaderValue) -> Option<Duration> + Send + Sync>;

/// A header in which a caller says how long it waits for the answer.
///
/// The value is a duration, not a time of day: the clocks of two machines need not agree.
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, HeaderValue};
/// use lameduck_context::DeadlineSource;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("grpc-timeout", HeaderValue::from_static("1500m"));
/// let read = DeadlineSource::grpc().read(&headers);
/// assert_eq!(read, Some(Ok(Duration::from_millis(1500))));
/// ```
#[derive(Clone)]
pub struct DeadlineSource {
    name: HeaderName,
    format: Format,
}

/// How a value is written.
#[derive(Clone)]
enum Format {
    /// One to eight digits and a unit.
    Grpc,
    /// Whole milliseconds.
    Millis,
    /// Whole milliseconds. Zero is no deadline.
    Envoy,
    /// Seconds, with up to nine digits after a point.
    Seconds,
    Other(Read),
}

impl DeadlineSource {
    /// `grpc-timeout`, as the gRPC protocol defines it: one to eight digits and a unit, `H`, `M`,
    /// `S`, `m`, `u` or `n`. Zero is a deadline that has passed.
    #[must_use]
    pub const fn grpc() -> Self {
        Self { name: HeaderName::from_static("grpc-timeout"), format: Format::Grpc }
    }

    /// `x-envoy-expected-rq-timeout-ms`, which Envoy writes for the server behind it.
    ///
    /// Zero is no deadline, as everywhere in Envoy.
    #[must_use]
    pub const fn envoy() -> Self {
        let name = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
        Self { name, format: Format::Envoy }
    }

    /// `x-request-timeout-ms`: whole milliseconds. Zero is a deadline that has passed.
    #[must_use]
    pub const fn request_timeout_ms() -> Self {
        Self::millis(HeaderName::from_static("x-request-timeout-ms"))
    }

    /// A header of whole milliseconds. Zero is a deadline that has passed.
    #[must_use]
    pub const fn millis(name: HeaderName) -> Self {
        Self { name, format: Format::Millis }
    }

    /// A header of seconds, whole or with up to nine digits after a point, such as
    /// `request-timeout: 2.5`. Zero is a deadline that has passed.
    #[must_use]
    pub const fn seconds(name: HeaderName) -> Self {
        Self { name, format: Format::Seconds }
    }

    /// A header that `read` reads. `None` means that the value is invalid.
    #[must_use]
    pub fn custom<F>(name: HeaderName, read: F) -> Self
    where
        F: Fn(&HeaderValue) -> Option<Duration> + Send + Sync + 'static,
    {
        Self { name, format: Format::Other(Arc::new(read)) }
    }

    /// The header's name.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// How long the caller waits, if it says so.
    ///
    /// A number that is too large for a duration is the largest one.
    ///
    /// # Errors
    ///
    /// If the value is not of the header's format, or if there is more than one such header: it is
    /// not known which of them the caller meant.
    pub fn read(&self, headers: &HeaderMap) -> Option<Result<Duration, InvalidDeadline>> {
        let mut lines = headers.get_all(&self.name).iter();
        let value = lines.next()?;
        let read = if lines.next().is_some() {
            None
        } else {
            match &self.format {
                Format::Grpc => formats::grpc(value.as_bytes()),
                Format::Millis => formats::millis(value.as_bytes()),
                Format::Envoy => match formats::millis(value.as_bytes()) {
                    Some(Duration::ZERO) => return None,
                    read => read,
                },
                Format::Seconds => formats::seconds(value.as_bytes()),
                Format::Other(read) => read(value),
            }
        };
        Some(read.ok_or_else(|| InvalidDeadline { name: self.name.clone() }))
    }

    /// The value for `left`, rounded down to what the format can express.
    ///
    /// `None` for a [custom](Self::custom) source, which can only be read, and `None` if the
    /// rounded value is zero: no time is left for a call.
    #[must_use]
    pub fn write(&self, left: Duration) -> Option<HeaderValue> {
        match &self.format {
            Format::Grpc => formats::to_grpc(left),
            Format::Millis | Format::Envoy => formats::to_millis(left),
            Format::Seconds => formats::to_seconds(left),
            Format::Other(_) => None,
        }
    }
}

impl fmt::Debug for DeadlineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, format } = self;
        let format = match format {
            Format::Grpc => "grpc",
            Format::Millis => "millis",
            Format::Envoy => "envoy",
            Format::Seconds => "seconds",
            Format::Other(_) => "custom",
        };
        f.debug_struct("DeadlineSource").field("name", name).field("format", &format).finish()
    }
}

/// The error of a deadline header that cannot be read.
///
/// It does not contain the value, which came from outside and does not belong in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDeadline {
    name: HeaderName,
}

impl fmt::Display for InvalidDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name } = self;
        write!(f, "the header `{name}` is not one duration of its format; it is ignored")
    }
}

impl Error for InvalidDeadline {}
