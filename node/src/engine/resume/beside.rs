//! The other generation that a daemon left: what is unread of it, and the one before a watched one, loaded
//! again beside it. A part of `resume`.
//! Must never keep the one in charge from going on.

use std::sync::Arc;

use api::node::Measured;
use payload::name::InstanceName;

use super::super::generation::Generation;
use super::super::keeping::{From, Keeping};
use super::super::machine::{State, Watch};
use super::super::prepare;
use super::super::record::{Laid, Watched};
use super::super::running::Running;
use super::super::{ApplyError, Engine};
use super::found::{Left, shares_of, sources_of};
use super::{PayloadOf, ResumeError};
use crate::instance::feed::Feed;
use crate::kernel::gate::Lane;
use crate::kernel::pins::Place;
use crate::kernel::seat::Seat;
use crate::kernel::seat_place::SeatPlace;

impl Engine {
    /// What is unread of a generation that was in charge before. Where its payload is not at hand nobody
    /// can read it.
    pub(super) fn unread(
        &self,
        name: &InstanceName,
        other: &Laid,
        (place, keeping): (&Place, &Keeping),
        payload_of: &PayloadOf<'_>,
    ) -> Feed {
        let sources =
            payload_of(other).and_then(|payload| Ok(sources_of(name, other, place, &payload)?));
        match sources {
            Ok(sources) => {
                // Its handler's state went with the daemon: what is left is decoded plainly.
                let feed = Feed::new(name.as_str(), other.id.generation, sources, None);
                keeping.noted(Lane::at(other.lane), feed, From::Left)
            }
            Err(error) => {
                let what = "what its generation of before had not handed out is lost";
                self.failed(name.as_str(), what, &error);
                Feed::default()
            }
        }
    }

    /// The generation before the one that is watched, loaded once more over its maps, its programs in
    /// their lane. Without it there is nothing to go back to, and the watch is over.
    pub(super) fn beside(
        &self,
        name: &InstanceName,
        left: &Left<'_>,
        (charge, keeping): (&Generation, &Keeping),
        payload_of: &PayloadOf<'_>,
    ) -> Option<Generation> {
        let other = left.other.filter(|other| other.lane != left.laid.lane)?;
        left.watch?;
        match self.load_beside(name, (other, left), charge, payload_of) {
            Ok(mut beside) => {
                let feed = std::mem::take(&mut beside.feed);
                beside.feed = keeping.noted(beside.lane, feed, From::Left);
                Some(beside)
            }
            Err(error) => {
                let what = "its watch can't go on: the generation before is not there any more";
                self.failed(name.as_str(), what, &error);
                None
            }
        }
    }

    fn load_beside(
        &self,
        name: &InstanceName,
        (other, left): (&Laid, &Left<'_>),
        charge: &Generation,
        payload_of: &PayloadOf<'_>,
    ) -> Result<Generation, ResumeError> {
        let payload = payload_of(other)?;
        let shares = shares_of(other, &left.place)?;
        let (means, number) = (&self.shared.means, other.id.generation);
        let prepared = prepare::again(means, name, number, &payload, shares)?;
        if prepared.hooks.len() != other.seats.len() {
            return Err(ApplyError::Unfinished.into());
        }
        let seats = prepared.hooks.iter().zip(&other.seats);
        let seats = seats.map(|(planned, number)| {
            let mut own = charge.seats.iter();
            if let Some(seat) = own.find(|seat| seat.number() == Some(*number)) {
                return Ok(Arc::clone(seat));
            }
            let place = SeatPlace::at(&left.place, *number);
            let seat = Seat::found(&planned.hook, &left.gate, place, false);
            seat.map(Arc::new).map_err(|source| planned.refused(source))
        });
        let seats: Vec<Arc<Seat>> = seats.collect::<Result<_, ApplyError>>()?;
        let lane = Lane::at(other.lane);
        let mut beside = Generation::armed(prepared, lane, seats, other.original.clone());
        for (seat, planned) in beside.seats.iter().zip(&beside.hooks) {
            let armed = seat.arm(lane, planned.member(&beside.loaded));
            armed.map_err(|source| planned.refused(source))?;
        }
        beside.own_pins(&left.place, other);
        Ok(beside)
    }
}

impl Running {
    /// Goes on with a watch, where the generation before is there.
    pub(super) fn watch_on(&mut self, watch: Option<Watched>) {
        let (Some(watch), Some(beside)) = (watch, &mut self.beside) else {
            return;
        };
        // What it lost in its time is not known any more.
        beside.did.lost = Measured::Unknown;
        self.charge.mark = self.tally();
        let now_ms = self.clock.ms();
        self.state = State::Watching(Watch {
            until_ms: now_ms.saturating_add(watch.left_ms),
            paused_ms: self.paused.then_some(now_ms),
            given_up: false,
        });
        self.time_if_compared();
    }
}
