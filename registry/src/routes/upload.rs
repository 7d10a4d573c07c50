//! Receives large bodies: bounded, with deadlines, only so many at a time, hashed as they come.
//! Called by the routes of blobs and of legacy input.
//! Must never hold an upload in memory for which there is no place.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, HeaderMap};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use payload::digest::Digest;
use sha2::{Digest as _, Sha256};
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::{cut_off, refuse_declared, too_long, too_slow};
use super::refusal::Refusal;
use crate::access::Who;
use crate::limits::{
    CHECKS_MAX, TOKEN_UPLOADS_MAX, UPLOAD_BYTES_PER_S_MIN, UPLOAD_GRACE, UPLOAD_PIECE_TIMEOUT,
    UPLOAD_TIMEOUT, UPLOAD_WAIT, UPLOADS_MAX,
};
use crate::state::State;

/// A body that was received whole, and its place, which is free again when this is dropped.
pub(crate) struct Upload {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// Their SHA-256.
    pub(crate) sha256: [u8; 32],
    /// Keeps others out while they are in memory.
    pub(crate) place: Place,
}

/// A place among all who send bytes, and among those who do so with the same token.
pub(crate) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_token: OwnedSemaphorePermit,
}

impl Upload {
    /// Whether the bytes have this digest.
    ///
    /// # Errors
    /// 422 with both.
    pub(crate) fn check(&self, digest: &Digest) -> Result<(), Refusal> {
        if self.sha256 == *digest.as_bytes() {
            return Ok(());
        }
        let found = Digest::of(&self.bytes);
        let detail = format!("the path says {digest}, the bytes have {found}");
        Err(Refusal::rule("digest", detail))
    }
}

/// A place among those who send bytes. First one of the token's own: who waits for that one keeps
/// nobody else waiting.
async fn place(state: &State, who: &Who) -> Result<Place, Refusal> {
    let waiting = async {
        let of_token = state.uploads_of.of(who.access).acquire_owned().await?;
        let of_all = Arc::clone(&state.uploads).acquire_owned().await?;
        Ok::<_, AcquireError>(Place {
            _of_all: of_all,
            _of_token: of_token,
        })
    };
    if let Ok(Ok(place)) = timeout(UPLOAD_WAIT, waiting).await {
        return Ok(place);
    }
    let detail = format!(
        "{UPLOADS_MAX} uploads are under way, or {TOKEN_UPLOADS_MAX} with this token, the most at \
         a time"
    );
    Err(Refusal::busy(detail, Duration::from_secs(5)))
}

/// A place among those whose bytes are checked.
///
/// # Errors
/// 503: none became free in time.
pub(crate) async fn check_place(state: &State) -> Result<OwnedSemaphorePermit, Refusal> {
    let waiting = Arc::clone(&state.checks).acquire_owned();
    if let Ok(Ok(place)) = timeout(UPLOAD_WAIT, waiting).await {
        return Ok(place);
    }
    let detail = format!("{CHECKS_MAX} releases are being checked, the most at a time");
    Err(Refusal::busy(detail, Duration::from_secs(5)))
}

/// Receives a body of at most so many bytes.
///
/// # Errors
/// No place in time (503), too long (413), too slow (408), or cut off (400).
pub(crate) async fn receive(
    state: &State,
    who: &Who,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Upload, Refusal> {
    refuse_declared(headers, bytes_max)?;
    let place = place(state, who).await?;
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let received = timeout(
        UPLOAD_TIMEOUT,
        collect(body, declared.unwrap_or(0), bytes_max),
    )
    .await;
    let (bytes, sha256) = received.map_err(|_| too_slow(UPLOAD_TIMEOUT.as_secs()))??;
    Ok(Upload {
        bytes,
        sha256,
        place,
    })
}

async fn collect(
    body: Body,
    declared: usize,
    bytes_max: usize,
) -> Result<(Vec<u8>, [u8; 32]), Refusal> {
    let mut body = Limited::new(body, bytes_max);
    let (mut bytes, mut hasher) = (Vec::with_capacity(declared), Sha256::new());
    let started = Instant::now();
    loop {
        let until = (Instant::now() + UPLOAD_PIECE_TIMEOUT).min(started + allowed(bytes.len()));
        let Ok(piece) = timeout_at(until, body.frame()).await else {
            return Err(too_slow(started.elapsed().as_secs()));
        };
        let Some(piece) = piece else {
            return Ok((bytes, hasher.finalize().into()));
        };
        let piece = piece.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_long(bytes_max, None)
            } else {
                cut_off(&error.to_string())
            }
        })?;
        if let Ok(piece) = piece.into_data() {
            hasher.update(&piece);
            bytes.extend_from_slice(&piece);
        }
    }
}

/// How long so many bytes may have taken.
fn allowed(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    UPLOAD_GRACE + Duration::from_secs(bytes / UPLOAD_BYTES_PER_S_MIN)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use hyper::body::Bytes;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A body that sends a piece, and the next one only after a while.
    fn dripping(pause: Duration, pieces: u32) -> Body {
        Body::from_stream(stream::unfold(pieces, move |left| async move {
            if left == 0 {
                return None;
            }
            sleep(pause).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), left - 1))
        }))
    }

    fn status(refusal: Refusal) -> u16 {
        refusal.into_problem("x").status
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_does_not_come_meets_its_deadline() {
        let started = Instant::now();
        let refused = collect(dripping(UPLOAD_PIECE_TIMEOUT * 2, 1), 0, 10).await;
        assert_eq!(status(refused.unwrap_err()), 408);
        assert_eq!(started.elapsed(), UPLOAD_PIECE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_pieces_are_waited_for_and_hashed_as_they_come() {
        let slow = dripping(UPLOAD_PIECE_TIMEOUT / 2, 2);
        let (bytes, sha256) = collect(slow, 0, 10).await.unwrap();
        assert_eq!(bytes, b"xx");
        assert_eq!(sha256, *Digest::of(b"xx").as_bytes());
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_that_come_in_time_but_hold_next_to_nothing_are_too_slow() {
        let started = Instant::now();
        let refused = collect(dripping(UPLOAD_PIECE_TIMEOUT / 2, 100), 0, 200).await;
        assert_eq!(status(refused.unwrap_err()), 408);
        assert_eq!(started.elapsed(), UPLOAD_GRACE);
    }

    #[test]
    fn the_largest_blob_has_more_time_than_its_deadline_gives() {
        let largest = payload::limits::PAYLOAD_BYTES_MAX;
        assert!(allowed(largest) > UPLOAD_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_beyond_the_bound_is_not_collected() {
        let refused = collect(Body::from(vec![0; 11]), 0, 10).await;
        assert_eq!(status(refused.unwrap_err()), 413);
        assert!(collect(Body::from(vec![0; 10]), 0, 10).await.is_ok());
    }
}
