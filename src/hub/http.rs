//! Asking the hub: redirects, patience, and who may see the token.

use super::error::{HubError, Result};
use super::settings::{Settings, Token};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body};

/// Attempts at one question before its failure is told.
const ATTEMPTS: u32 = 4;
const REDIRECTS: usize = 8;
/// A wait that the hub asks for is kept up to here, else told to the user.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

pub(super) struct Client<'a> {
    agent: Agent,
    settings: &'a Settings,
    cancel: &'a AtomicBool,
}

/// How an address is asked.
#[derive(Clone, Copy)]
pub(super) enum Ask {
    /// For what the headers say; redirects to other hosts are not followed.
    Head,
    /// For the content from a byte on.
    Get { from: u64 },
}

impl<'a> Client<'a> {
    pub fn new(settings: &'a Settings, cancel: &'a AtomicBool) -> Client<'a> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(settings.endpoint.starts_with("https:"))
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .user_agent(concat!("pentimento/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: config.new_agent(),
            settings,
            cancel,
        }
    }

    pub fn cancelled(&self) -> Result<()> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(HubError::Cancelled),
            false => Ok(()),
        }
    }

    /// An answer of 2xx (or, to [`Ask::Head`], a redirect elsewhere). `model`
    /// and `what` are named in errors.
    pub fn ask(&self, ask: Ask, url: &str, model: &str, what: &str) -> Result<Response<Body>> {
        for attempt in 1.. {
            self.cancelled()?;
            let failed = match self.follow(ask, url) {
                Err(reason) => HubError::Unreachable {
                    endpoint: self.settings.endpoint.clone(),
                    reason,
                },
                Ok(answer) => match answer.status().as_u16() {
                    200..=399 => return Ok(answer),
                    // Not an error of the file: what is there already is all of it, or too much.
                    416 if matches!(ask, Ask::Get { .. }) => return Ok(answer),
                    // To whoever shows no token the hub calls what is not there forbidden.
                    401 if header(&answer, "x-error-code") == Some("RepoNotFound") => {
                        let what = what.to_owned();
                        return Err(HubError::NotFound { what });
                    }
                    status @ (401 | 403) => {
                        let model = model.to_owned();
                        return Err(HubError::Forbidden { model, status });
                    }
                    404 => {
                        let what = what.to_owned();
                        return Err(HubError::NotFound { what });
                    }
                    429 => self.patience(&answer),
                    status => HubError::Status {
                        status,
                        what: what.to_owned(),
                    },
                },
            };
            let wait = match &failed {
                HubError::TooMany { wait_s, .. } => Duration::from_secs(*wait_s),
                HubError::Status { status: 500.., .. } | HubError::Unreachable { .. } => {
                    Duration::from_millis(250 << attempt)
                }
                _ => return Err(failed),
            };
            if attempt == ATTEMPTS || wait > LONGEST_WAIT {
                return Err(failed);
            }
            self.sleep(wait)?;
        }
        unreachable!("the last attempt returns")
    }

    fn patience(&self, answer: &Response<Body>) -> HubError {
        let asked = header(answer, "retry-after").and_then(|s| s.trim().parse().ok());
        HubError::TooMany {
            wait_s: asked.unwrap_or(1),
            hint: match self.settings.token {
                Some(_) => "",
                None => "; with an access token in HF_TOKEN the limits are wider",
            },
        }
    }

    /// Waits, but not longer than the user does.
    pub fn sleep(&self, time: Duration) -> Result<()> {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = time;
        while !left.is_zero() {
            self.cancelled()?;
            std::thread::sleep(left.min(STEP));
            left = left.saturating_sub(STEP);
        }
        self.cancelled()
    }

    /// One question with its redirects. The token goes to the hub's own host
    /// and to no other: content lies with strangers.
    fn follow(&self, ask: Ask, url: &str) -> Result<Response<Body>, String> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS {
            let own = origin(&url) == origin(&self.settings.endpoint);
            let mut request = match ask {
                Ask::Head => self.agent.head(&url),
                Ask::Get { .. } => self.agent.get(&url),
            };
            if let (true, Some(token)) = (own, &self.settings.token) {
                request = request.header("authorization", Token::bearer(token));
            }
            if let Ask::Get { from: from @ 1.. } = ask {
                request = request.header("range", format!("bytes={from}-"));
            }
            let answer = request.call().map_err(|e| e.to_string())?;
            let to = match answer.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => header(&answer, "location"),
                _ => return Ok(answer),
            };
            let next = join(&url, to.ok_or("a redirect to nowhere")?);
            // What the hub knows of a large file stands beside the redirect to its content.
            let elsewhere = origin(&next) != origin(&url);
            if matches!(ask, Ask::Head) && (elsewhere || header(&answer, "x-linked-etag").is_some())
            {
                return Ok(answer);
            }
            url = next;
        }
        Err("too many redirects".into())
    }
}

pub(super) fn header<'r>(answer: &'r Response<Body>, name: &str) -> Option<&'r str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| host + at);
    &url[..end]
}

/// A redirect's address, which may be relative to the host.
fn join(base: &str, to: &str) -> String {
    match to.starts_with('/') {
        true => format!("{}{to}", origin(base)),
        false => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_and_redirects() {
        assert_eq!(origin("https://hub.co:8/a/b?c"), "https://hub.co:8");
        assert_eq!(origin("http://hub.co"), "http://hub.co");
        assert_eq!(join("https://a.b/c/d", "/e"), "https://a.b/e");
        assert_eq!(join("https://a.b/c/d", "http://x/e"), "http://x/e");
    }
}
