//! `--wait`: asks again as long as time can change the answer. A token that is seconds or minutes old may not be active
//! everywhere, a tag may not be pushed yet, and an outage ends.

use std::time::Duration;

use clap::Args;
use pullpass_client::{Failure as Cause, RegistryError};
use tokio::time::{Instant, sleep, timeout_at};

use crate::output;

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The last try begins this long before the end, so that it is answered by then.
const LAST_TRY: Duration = Duration::from_secs(2);

/// How long to ask again.
#[derive(Args, Clone, Copy, Default)]
pub(crate) struct Wait {
    /// Ask again for as long as this while the answer is one that time can change: a number with `h`, `m` or `s`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
}

impl Wait {
    /// Whether the person wants an answer that was no to be asked for again.
    pub(crate) fn is_wanted(self) -> bool {
        self.wait.is_some()
    }

    /// [`until`], or one attempt when nobody wants to wait.
    pub(crate) async fn until<T, E>(
        self,
        attempt: impl AsyncFnMut() -> Result<T, E>,
        may_change: impl Fn(&E) -> Option<Hope>,
    ) -> Result<T, E> {
        until(self.wait.unwrap_or_default(), attempt, may_change).await
    }
}

/// Why it is worth asking again.
#[derive(Clone)]
pub(crate) struct Hope {
    /// What was answered.
    pub(crate) answer: String,
    /// Nobody is to ask earlier than after this.
    pub(crate) not_before: Duration,
}

/// Attempts once, then again with growing pauses as long as it fails in a way that time can change, and for no longer than
/// `limit`. One attempt runs at a time. The first has all the time that it takes; the others are cut off at the limit.
///
/// # Errors
/// That of the last attempt that ended.
pub(crate) async fn until<T, E>(
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    may_change: impl Fn(&E) -> Option<Hope>,
) -> Result<T, E> {
    let end = Instant::now() + limit;
    let mut result = attempt().await;
    let mut said = String::new();
    for tries in 0.. {
        let Err(error) = &result else { break };
        let Some(hope) = may_change(error) else { break };
        let left = end.saturating_duration_since(Instant::now());
        let Some(pause) = pause(tries, hope.not_before, left, jitter()) else { break };
        if said != hope.answer {
            output::say(format_args!("asking again for up to {} s: {}", left.as_secs(), hope.answer));
            said = hope.answer;
        }
        sleep(pause).await;
        match timeout_at(end, attempt()).await {
            Ok(next) => result = next,
            Err(_) => break,
        }
    }
    result
}

/// How long to wait before the next try; none when no try is left.
fn pause(tries: u32, not_before: Duration, left: Duration, jitter: f64) -> Option<Duration> {
    let last = left.checked_sub(LAST_TRY).filter(|last| !last.is_zero() && *last >= not_before)?;
    let usual = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries)).min(LONGEST_PAUSE);
    Some(usual.mul_f64(jitter).max(not_before).min(last))
}

/// Between three quarters and one, so that a fleet that began together does not ask together.
fn jitter() -> f64 {
    let mut byte = [0];
    // Without random bytes the pause is the shortest.
    let _ = getrandom::fill(&mut byte);
    0.75 + f64::from(byte[0]) / 1024.0
}

/// What time can change about a registry's answer, if anything.
pub(crate) fn hope(error: &RegistryError) -> Option<Hope> {
    let not_before = match &error.failure {
        Cause::RateLimited { retry_after, .. } => retry_after.unwrap_or_default(),
        Cause::UnexpectedStatus(said) if said.status < 500 => return None,
        Cause::CredentialRefused { .. }
        | Cause::AuthenticationRequired(_)
        | Cause::AccessDenied(_)
        | Cause::NotFound(_)
        | Cause::UnexpectedStatus(_)
        | Cause::Unreachable { .. }
        | Cause::Timeout { .. } => Duration::ZERO,
        _ => return None,
    };
    Some(Hope { answer: error.to_string(), not_before })
}

/// A number with `d`, `h`, `m` or `s` behind it.
///
/// # Errors
/// What the text is to look like.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)];
    let parse = |(unit, seconds): (&str, u64)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number > 0)?;
        Some(Duration::from_secs(u64::from(number) * seconds))
    };
    units.into_iter().find_map(parse).ok_or_else(|| "a number with `d`, `h`, `m` or `s` behind it is wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_leave_time_for_the_last_try() {
        let seconds = |tries, left| pause(tries, NOW, Duration::from_secs(left), 1.0).map(|pause| pause.as_secs());
        let long = [0, 1, 2, 3, 4, 5, 40].map(|tries| seconds(tries, 300));
        assert_eq!(long, [2, 4, 8, 16, 30, 30, 30].map(Some));
        assert_eq!(seconds(4, 12), Some(10));
        assert_eq!((seconds(0, 2), seconds(0, 0)), (None, None));
    }

    #[test]
    fn nobody_asks_earlier_than_the_registry_says() {
        let asked = Duration::from_secs(20);
        assert_eq!(pause(0, asked, Duration::from_secs(60), 0.75), Some(asked));
        assert_eq!(pause(0, asked, Duration::from_secs(21), 0.75), None, "there is no time left for that");
    }

    #[test]
    fn a_fleet_does_not_ask_at_one_moment() {
        let factors: Vec<f64> = (0..64).map(|_| jitter()).collect();
        assert!(factors.iter().all(|factor| (0.75..=1.0).contains(factor)), "{factors:?}");
        assert!(factors.iter().any(|factor| *factor != factors[0]), "{factors:?}");
    }

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for text in ["", "5", "m", "0s", "-1s", "1.5s", "5 m", "5µ", "5000000000s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
