//! Live events: what an instance puts out, sent to the registry while somebody views it there.
//! Begun by the driver for what a ring names, where the operator of this node shares events.
//! Must never hold up the instance, nor send faster than its pace: what is too much is counted.

use std::sync::Arc;
use std::time::Duration;

use api::client::ClientError;
use api::client::registry::RegistryClient;
use api::registry::{LIVE_EVENT_BYTES_MAX, LIVE_EVENTS_MAX, LiveEvent, LiveEvents};
use payload::name::InstanceName;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};

use crate::engine::Engine;
use crate::sink::hub::Hub;

/// The time between two batches.
const PACE: Duration = Duration::from_millis(500);
/// Silence after which a batch without events asks whether somebody still views.
const ALIVE: Duration = Duration::from_secs(10);
/// So many events from before somebody viewed come first.
const BEFORE: u64 = 20;
/// What the registry answers when nobody views.
const GONE: u16 = 410;

/// Sends what the instance puts out, for ever: it may stop and start again.
pub(super) async fn send(
    engine: Engine,
    client: Arc<RegistryClient>,
    node: String,
    instance: InstanceName,
) {
    // What a batch that did not arrive held is skipped for whoever views.
    let mut lost = 0;
    let mut ended: Option<Arc<Hub>> = None;
    loop {
        let hub = engine.hub(&instance);
        let hub = hub.filter(|hub| !ended.as_ref().is_some_and(|ended| Arc::ptr_eq(hub, ended)));
        let Some(hub) = hub else {
            sleep(PACE).await;
            continue;
        };
        let mut cursor = hub.end().saturating_sub(BEFORE);
        let mut goes_on = true;
        while goes_on {
            // Whether it has stopped; what it said before is sent all the same.
            goes_on = timeout(ALIVE, hub.wait(cursor)).await != Ok(false);
            let mut batch = take(&hub, &mut cursor, instance.as_str());
            batch.skipped += lost;
            lost = 0;
            match client.pass_events(&node, &batch).await {
                Ok(()) => {}
                // A ring says so too, and ends this; or somebody has just come back.
                Err(ClientError::Refused { problem, .. }) if problem.status == GONE => {
                    sleep(ALIVE).await;
                }
                Err(_) => lost = batch.skipped + count(batch.events.len()),
            }
            sleep(PACE).await;
        }
        ended = Some(hub);
    }
}

/// The latest lines from `cursor` on, as many as a batch may have, and the others counted.
fn take(hub: &Hub, cursor: &mut u64, instance: &str) -> LiveEvents {
    let from = hub.end().saturating_sub(count(LIVE_EVENTS_MAX));
    let from = from.max(*cursor);
    let page = hub.read(Some(from), LIVE_EVENTS_MAX);
    let mut skipped = from - *cursor + page.lost;
    *cursor = page.next;
    let mut events = Vec::new();
    for line in page.lines {
        let fits = line.text.len() <= LIVE_EVENT_BYTES_MAX;
        match RawValue::from_string(line.text) {
            Ok(event) if fits => events.push(LiveEvent {
                at_ms: line.at_ms,
                event,
            }),
            _ => skipped += 1,
        }
    }
    LiveEvents {
        instance: instance.to_owned(),
        events,
        skipped,
    }
}

fn count(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(batch: &LiveEvents) -> Vec<&str> {
        batch.events.iter().map(|one| one.event.get()).collect()
    }

    #[test]
    fn every_event_is_sent_or_counted() {
        let hub = Hub::default();
        let mut cursor = 0;
        hub.push(b"{\"n\":0}\n{\"n\":1}\n", 2, 7);
        let batch = take(&hub, &mut cursor, "x");
        assert_eq!(texts(&batch), ["{\"n\":0}", "{\"n\":1}"]);
        assert_eq!((batch.skipped, batch.events[0].at_ms), (0, 7));
        let nothing = take(&hub, &mut cursor, "x");
        assert!(nothing.events.is_empty() && nothing.skipped == 0);
        for n in 0..130 {
            hub.push(format!("{n}\n").as_bytes(), 1, 8);
        }
        let latest = take(&hub, &mut cursor, "x");
        assert_eq!((latest.events.len(), latest.skipped), (50, 80));
        assert_eq!(texts(&latest)[49], "129");
        // Too long, and no JSON.
        let long = format!("\"{}\"\n", "a".repeat(LIVE_EVENT_BYTES_MAX));
        hub.push(long.as_bytes(), 1, 9);
        hub.push(b"no json\n1\n", 2, 9);
        let rest = take(&hub, &mut cursor, "x");
        assert_eq!((texts(&rest), rest.skipped), (vec!["1"], 2));
    }
}
