//! What happens to a node, one thing after the other. Called by the run.
//! Must never let a node act on more than it was given.

use rollout::{Runs, Staged};

use super::node::Has;
use super::registry::{Order, Told};
use super::run::{MISSED_MS, Run, What, watch};
use super::story::{Fault, Release};

impl Run {
    pub(crate) fn happens(&mut self, node: usize, what: What) {
        match what {
            What::Asks => self.asks(node),
            What::Told(told) => self.told(node, told),
            What::Stages(order) if order == self.nodes[node].orders => {
                let staged = self.nodes[node].stages(node, self.story.release);
                self.nodes[node].staged = Some(staged);
                self.tell(node, Some(staged), None);
            }
            What::TakesOver(order) if order == self.nodes[node].orders => self.takes_over(node),
            What::HasWatched(order) if order == self.nodes[node].orders => self.has_watched(node),
            What::GoesBack(order) if order == self.nodes[node].orders => {
                self.nodes[node].has = Has::Other;
                self.tell(node, None, Some(Runs::Other));
            }
            What::Stages(_) | What::TakesOver(_) | What::HasWatched(_) | What::GoesBack(_) => {}
            What::Vanishes => self.vanishes(node),
            What::Returns => self.returns(node),
            What::IsMissed => {
                if !self.nodes[node].is_there {
                    self.registry.misses(node, self.now_ms);
                    if self.registry.seen[node].online {
                        self.after(MISSED_MS, node, What::IsMissed);
                    }
                }
            }
            What::Flaps(left) => self.flaps(node, left),
            What::Lies(left) => {
                self.tell(node, None, None);
                if left > 0 {
                    self.soon(1_000, 120_000, node, What::Lies(left - 1));
                }
            }
        }
    }

    fn asks(&mut self, node: usize) {
        self.nodes[node].is_asking = false;
        if !self.nodes[node].is_there {
            return;
        }
        if !self.is_up() {
            self.nodes[node].is_asking = true;
            return self.retry(node, What::Asks);
        }
        self.registry.hears(node, self.now_ms);
        let order = self.registry.order(node);
        let one = &mut self.nodes[node];
        if order == one.told {
            return;
        }
        let is_honest = one.fault.is_honest();
        self.laws.gives(&self.registry, node, is_honest, order);
        one.told = order;
        one.orders += 1;
        let number = one.orders;
        match order {
            Order::New if one.has == Has::Release => {
                self.tell(node, None, Some(Runs::Watched));
                self.after(self.bake_ms(), node, What::HasWatched(number));
            }
            Order::New => {
                let flip_ms = self.story.plan.flip_at_ms.unwrap_or(0);
                let wait_ms = flip_ms.saturating_sub(self.now_ms);
                self.soon(
                    wait_ms + 500,
                    wait_ms + 6_000,
                    node,
                    What::TakesOver(number),
                );
            }
            Order::Old | Order::Stage => {
                let (has, staged) = (one.has, one.staged);
                if has == Has::Release {
                    self.soon(100, 3_000, node, What::GoesBack(number));
                    return;
                }
                one.has = Has::Other;
                if order == Order::Stage && staged.is_none() {
                    self.soon(500, 12_000, node, What::Stages(number));
                }
            }
        }
    }

    fn told(&mut self, node: usize, told: Told) {
        if !self.is_up() {
            return self.retry(node, What::Told(told));
        }
        self.registry.keep(node, &told, self.now_ms);
        if self.nodes[node].is_there {
            self.rings(node, 5_000);
        } else {
            self.after(MISSED_MS, node, What::IsMissed);
        }
    }

    fn tell(&mut self, node: usize, staged: Option<Staged>, runs: Option<Runs>) {
        let release = self.story.release;
        let one = &mut self.nodes[node];
        let told = one.tells(node, release, staged, runs, &mut self.dice);
        if !one.is_there {
            one.untold.push(told);
            return;
        }
        match one.fault {
            Fault::TellsLate => self.soon(0, 50_000, node, What::Told(told)),
            Fault::Repeats => {
                self.soon(0, 1_000, node, What::Told(told));
                self.soon(2_000, 90_000, node, What::Told(told));
            }
            _ => self.soon(0, 1_000, node, What::Told(told)),
        }
    }

    fn takes_over(&mut self, node: usize) {
        let release = self.story.release;
        let one = &mut self.nodes[node];
        assert_eq!(
            one.told,
            Order::New,
            "node {node} takes over what it was given"
        );
        let staged = one.stages(node, release);
        if staged != Staged::Passed {
            one.has = Has::Failed;
            one.staged = Some(staged);
            return self.tell(node, Some(staged), None);
        }
        one.has = Has::Release;
        one.ran = true;
        if release == Release::KillsDaemon {
            one.has = Has::Died;
            self.vanishes(node);
            // Half of them never come up again.
            if node.is_multiple_of(2) {
                self.soon(20_000, 200_000, node, What::Returns);
            }
            return;
        }
        let number = one.orders;
        self.tell(node, None, Some(Runs::Watched));
        self.after(self.bake_ms(), node, What::HasWatched(number));
    }

    fn has_watched(&mut self, node: usize) {
        let verdict = watch(self.story.release, self.bake_ms());
        let one = &mut self.nodes[node];
        if one.has != Has::Release {
            return;
        }
        if verdict == Runs::Failed {
            one.has = Has::Failed;
        }
        self.tell(node, None, Some(verdict));
    }

    fn vanishes(&mut self, node: usize) {
        if self.nodes[node].is_there {
            self.nodes[node].is_there = false;
            if self.is_up() {
                self.registry.hears(node, self.now_ms);
            }
            self.after(MISSED_MS, node, What::IsMissed);
        }
    }

    fn returns(&mut self, node: usize) {
        let one = &mut self.nodes[node];
        if one.is_there {
            return;
        }
        one.is_there = true;
        if one.has == Has::Died {
            one.has = Has::Failed;
            self.tell(node, None, Some(Runs::Failed));
        }
        for told in std::mem::take(&mut self.nodes[node].untold) {
            self.soon(0, 1_000, node, What::Told(told));
        }
        self.nodes[node].is_asking = true;
        self.soon(0, 1_000, node, What::Asks);
    }

    fn flaps(&mut self, node: usize, left: u8) {
        if left == 0 {
            return;
        }
        self.soon(5_000, 60_000, node, What::Flaps(left - 1));
        let one = &self.nodes[node];
        if one.has != Has::Release {
            return;
        }
        let (number, bake_ms) = (one.orders, self.bake_ms());
        if left.is_multiple_of(2) {
            self.tell(node, None, Some(Runs::Other));
        } else {
            self.tell(node, None, Some(Runs::Watched));
            self.after(bake_ms, node, What::HasWatched(number));
        }
    }
}
