//! What is known of a build apart from its log. It must not know the rules.

/// How the process that wrote the log came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogEnd {
    /// Nobody knows: a file was given.
    #[default]
    Unknown,
    /// It ended by itself.
    Finished,
    /// It was stopped: a time limit, a signal.
    Stopped,
}

/// What is known of a build apart from its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogContext {
    /// The exit status; none if nobody knows it.
    pub exit: Option<i32>,
    /// How the process ended.
    pub end: LogEnd,
}

impl LogContext {
    /// A log of which nothing else is known.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            exit: None,
            end: LogEnd::Unknown,
        }
    }

    /// A log of a process that ended by itself with this status.
    #[must_use]
    pub const fn finished(exit: i32) -> Self {
        Self {
            exit: Some(exit),
            end: LogEnd::Finished,
        }
    }
}
