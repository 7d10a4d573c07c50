//! The hub: a window of an instance's latest outputs, which any number of readers follow at their
//! own pace (the event stream of the API, the logs of the legacy protocol).
//! Must never grow beyond its bounds, nor hide from a slow reader that it missed lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Delivery, Sink};

/// Most bytes of lines the window holds.
const WINDOW_BYTES_MAX: usize = 1024 * 1024;

/// A window of JSON lines, numbered from 0 over the life of the instance.
pub(crate) struct Hub {
    window: Mutex<Window>,
    /// The number of the next line, and whether no line will follow.
    end: watch::Sender<End>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct End {
    next: u64,
    closed: bool,
}

#[derive(Default)]
struct Window {
    batches: VecDeque<Batch>,
    bytes: usize,
    next: u64,
}

/// Lines that came together.
struct Batch {
    first: u64,
    at_ms: u64,
    lines: Box<[u8]>,
}

/// One line, without its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number.
    pub(crate) seq: u64,
    /// When it came, milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// The JSON.
    pub(crate) text: String,
}

/// What a reader gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Lines in order.
    pub(crate) lines: Vec<Line>,
    /// Where to go on.
    pub(crate) next: u64,
    /// Lines before the first of these that had left the window already.
    pub(crate) lost: u64,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            window: Mutex::default(),
            end: watch::Sender::new(End::default()),
        }
    }
}

impl Hub {
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `count` lines, each with its newline, and drops the oldest where the window is full.
    pub(crate) fn push(&self, lines: &[u8], count: u64, at_ms: u64) {
        let next = {
            let mut window = self.window();
            let first = window.next;
            window.next += count;
            window.bytes += lines.len();
            window.batches.push_back(Batch {
                first,
                at_ms,
                lines: lines.into(),
            });
            while window.bytes > WINDOW_BYTES_MAX && window.batches.len() > 1 {
                let dropped = window
                    .batches
                    .pop_front()
                    .map_or(0, |batch| batch.lines.len());
                window.bytes -= dropped;
            }
            window.next
        };
        self.end.send_modify(|end| end.next = next);
    }

    /// Up to `lines_max` lines from number `cursor` on; without `cursor` from the oldest there is.
    pub(crate) fn read(&self, cursor: Option<u64>, lines_max: usize) -> Page {
        let window = self.window();
        let oldest = window
            .batches
            .front()
            .map_or(window.next, |batch| batch.first);
        let from = cursor.unwrap_or(oldest).clamp(oldest, window.next);
        let lost = cursor.map_or(0, |cursor| oldest.saturating_sub(cursor));
        let start = window
            .batches
            .partition_point(|batch| batch.first <= from)
            .saturating_sub(1);
        let numbered = window.batches.range(start..).flat_map(|batch| {
            let lines = batch.lines.split_inclusive(|byte| *byte == b'\n');
            (batch.first..)
                .zip(lines)
                .map(|(seq, line)| (seq, batch.at_ms, line))
        });
        let wanted = numbered
            .skip_while(|(seq, _, _)| *seq < from)
            .take(lines_max);
        let lines: Vec<Line> = wanted
            .map(|(seq, at_ms, line)| Line {
                seq,
                at_ms,
                text: text(line),
            })
            .collect();
        let next = lines.last().map_or(from, |line| line.seq + 1);
        Page { lines, next, lost }
    }

    /// The number the next line will have.
    pub(crate) fn end(&self) -> u64 {
        self.end.borrow().next
    }

    /// Waits until there is a line from number `cursor` on. Returns false when none will come.
    pub(crate) async fn wait(&self, cursor: u64) -> bool {
        let mut end = self.end.subscribe();
        match end.wait_for(|end| end.next > cursor || end.closed).await {
            Ok(end) => end.next > cursor,
            // The sender is a field of `self`: it can't have gone.
            Err(_gone) => false,
        }
    }

    /// Says that no line will follow.
    pub(crate) fn close(&self) {
        self.end.send_modify(|end| end.closed = true);
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line)
        .trim_end_matches('\n')
        .to_owned()
}

/// The hub as a sink.
pub(crate) struct HubSink {
    /// The hub.
    pub(crate) hub: Arc<Hub>,
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
}

impl Sink for HubSink {
    fn deliver(&mut self, lines: &[u8], count: u64) -> Delivery {
        if count > 0 {
            self.hub.push(lines, count, (self.now_ms)());
        }
        Delivery {
            delivered: count,
            ..Delivery::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(page: &Page) -> Vec<&str> {
        page.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn a_page_goes_on_where_the_last_one_ended() {
        let hub = Hub::default();
        hub.push(b"a\nb\n", 2, 7);
        hub.push(b"c\n", 1, 8);
        let page = hub.read(None, 2);
        assert_eq!(texts(&page), ["a", "b"]);
        let page = hub.read(Some(page.next), 9);
        assert_eq!(texts(&page), ["c"]);
        assert_eq!(page.lines[0].at_ms, 8);
        assert_eq!((page.next, page.lost), (3, 0));
        assert_eq!(
            hub.read(Some(3), 9),
            Page {
                next: 3,
                ..Page::default()
            }
        );
    }

    #[test]
    fn lines_that_left_the_window_are_counted_as_lost() {
        let hub = Hub::default();
        let line = [b"x".repeat(WINDOW_BYTES_MAX / 2).as_slice(), b"\n"].concat();
        for _ in 0..4 {
            hub.push(&line, 1, 0);
        }
        let page = hub.read(Some(1), 9);
        assert_eq!(page.lost, 2);
        assert_eq!(page.lines.first().map(|line| line.seq), Some(3));
        assert_eq!(page.next, 4);
    }

    #[tokio::test]
    async fn waiting_ends_with_a_line_or_with_the_instance() {
        let hub = Arc::new(Hub::default());
        hub.push(b"a\n", 1, 0);
        assert!(hub.wait(0).await);
        let waiting = tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.wait(1).await }
        });
        hub.close();
        assert!(!waiting.await.unwrap());
    }
}
