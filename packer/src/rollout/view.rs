//! What a watcher sees: a picture that is redrawn, a line a change, or JSON. Called by `watch`.
//! Must never write a control character where no terminal is.

use std::collections::BTreeSet;
use std::time::Duration;

use api::registry::RolloutDetail;

use super::picture::Picture;
use super::screen::Screen;
use super::{failures, words};
use crate::files::FileError;
use crate::moment;
use crate::output::{self, Size};
use crate::table::escaped;

/// How a rollout is shown.
#[derive(Debug)]
pub(super) enum Form {
    /// One JSON object a change.
    Json,
    /// One line a change.
    Lines,
    /// A picture on this terminal.
    Picture,
}

impl Form {
    /// What is asked for, and what standard output can show.
    pub(super) fn of(json: bool) -> Self {
        match output::terminal() {
            _ if json => Self::Json,
            Some(_) => Self::Picture,
            None => Self::Lines,
        }
    }
}

/// A rollout that is shown.
pub(super) struct View {
    form: Form,
    clock_ms: fn() -> u64,
    screen: Screen,
    size: Size,
    detail: Option<RolloutDetail>,
    /// Why the registry tells nothing at the moment.
    away: Option<String>,
    /// Failures that were told, and groups of them whose logs were.
    told: BTreeSet<String>,
    /// How the rollout stood in the line that was told last.
    line: String,
}

impl View {
    /// Shows nothing yet.
    pub(super) fn new(form: Form, clock_ms: fn() -> u64) -> Self {
        Self {
            form,
            clock_ms,
            screen: Screen::default(),
            size: Size {
                columns: 80,
                lines: 24,
            },
            detail: None,
            away: None,
            told: BTreeSet::new(),
            line: String::new(),
        }
    }

    /// Whether it changes as time goes by.
    pub(super) fn ticks(&self) -> bool {
        matches!(self.form, Form::Picture)
    }

    /// Shows how the rollout stands now. Whether anybody still reads.
    ///
    /// # Errors
    /// When standard output is full.
    pub(super) fn tell(&mut self, detail: RolloutDetail) -> Result<bool, FileError> {
        self.away = None;
        let goes_on = match self.form {
            Form::Json => {
                // A rollout always has a JSON form.
                let json = serde_json::to_string(&detail).unwrap_or_default();
                written(&format!("{json}\n"))
            }
            Form::Lines => written(&self.lines(&detail)),
            Form::Picture => Ok(true),
        };
        self.detail = Some(detail);
        Ok(goes_on? && self.tick()?)
    }

    /// Says that the registry is away, and for how long it is let be.
    ///
    /// # Errors
    /// When standard output is full.
    pub(super) fn away(&mut self, why: &str, pause: Duration) -> Result<bool, FileError> {
        let why = format!("{why}; again in {:.1} s", pause.as_secs_f32());
        if !self.ticks() {
            output::note(&why);
        }
        self.away = Some(why);
        self.tick()
    }

    /// Draws the picture again, where it is one that goes on.
    ///
    /// # Errors
    /// When standard output is full.
    pub(super) fn tick(&mut self) -> Result<bool, FileError> {
        let Some(detail) = self.detail.as_ref().filter(|_| self.ticks()) else {
            return Ok(true);
        };
        self.size = output::terminal().unwrap_or(self.size);
        let mut picture = Picture::of(detail, (self.clock_ms)(), self.size.columns);
        if let Some(away) = &self.away {
            picture = picture.noted(away, self.size.columns);
        }
        // The cursor rests on the line below; at the end all of it may scroll by.
        let lines = if detail.rollout.phase.is_end() {
            picture.whole()
        } else {
            picture.within(self.size.lines.saturating_sub(1))
        };
        let bytes = self.screen.show(lines, self.size);
        written(&bytes)
    }

    /// What is new, each line with the time.
    fn lines(&mut self, detail: &RolloutDetail) -> String {
        let mut lines = Vec::new();
        let line = words::line(&detail.rollout);
        if line != self.line {
            self.line.clone_from(&line);
            lines.push(line);
        }
        let number = detail.rollout.rollout;
        for group in &detail.failures {
            let (head, because) = (failures::head(group), &group.because);
            let failed = escaped(&format!("rollout {number}: {head}: {because}"));
            if self.told.insert(failed.clone()) {
                lines.push(failed);
            }
            // A group that grew is told again, its log is not.
            if self
                .told
                .insert(format!("{:?} {} {because}", group.kind, group.staging))
            {
                let log = group.log.as_deref().unwrap_or_default().lines();
                lines.extend(log.map(|line| escaped(&format!("rollout {number}:   | {line}"))));
            }
        }
        let at = moment::utc((self.clock_ms)());
        let lines = lines.iter().flat_map(|line| [&at, " ", line, "\n"]);
        lines.collect()
    }
}

fn written(text: &str) -> Result<bool, FileError> {
    if text.is_empty() {
        return Ok(true);
    }
    output::part(text.as_bytes()).map_err(output::unprinted)
}
