//! Canary against control: what a gate compares, over time, as lines. Called by the view of one
//! rollout; the template draws them as SVG, and the same figures as a table.
//! Must never draw a line through a time in which nobody measured.

use std::fmt::Write as _;

use api::registry::{Compare, Transition};
use rollout::{FAULTS_PER_MILLE, LOST_PPM, RUN_NS, most};

use crate::page::format::{Moment, moment};
use crate::rollouts::{FIGURES, Point, Trend};

/// Units of the drawing.
pub(crate) const WIDTH: f64 = 360.0;
/// Units of the drawing.
pub(crate) const HEIGHT: f64 = 120.0;
/// Rows of the table.
const ROWS_MAX: usize = 16;

/// One figure over time.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// Paths of SVG: the release, the others, the bound.
    pub(crate) new: String,
    pub(crate) others: String,
    pub(crate) most: String,
    /// The highest value of the drawing.
    pub(crate) top: String,
    /// Where waves began.
    pub(crate) waves: Vec<Began>,
    pub(crate) rows: Vec<ChartRow>,
    /// The newest of each, in words.
    pub(crate) says: String,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
}

/// A wave that began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Began {
    pub(crate) x: String,
    pub(crate) says: String,
}

/// One time of a chart.
#[derive(Debug)]
pub(crate) struct ChartRow {
    pub(crate) at: Moment,
    pub(crate) new: String,
    pub(crate) others: String,
    pub(crate) most: String,
}

/// What a figure is called.
pub(super) fn title(figure: &str) -> &'static str {
    match figure {
        LOST_PPM => "Records lost of a million",
        FAULTS_PER_MILLE => "Nodes of a thousand whose handler failed",
        RUN_NS => "Time of a run",
        _ => "Another figure",
    }
}

/// A value of a figure, with its unit.
pub(super) fn value(figure: &str, value: f64) -> String {
    match figure {
        RUN_NS if value >= 1e9 => format!("{:.2} s", value / 1e9),
        RUN_NS if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        RUN_NS if value >= 1e3 => format!("{:.2} µs", value / 1e3),
        RUN_NS => format!("{value:.0} ns"),
        _ => {
            let text = format!("{value:.1}");
            text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
        }
    }
}

impl Chart {
    /// A chart of each figure that somebody measured.
    pub(crate) fn all(
        trend: &Trend,
        bounds: &Compare,
        timeline: &[Transition],
        now_ms: u64,
    ) -> Vec<Self> {
        let drawn = FIGURES.iter().enumerate();
        drawn
            .filter_map(|(index, figure)| {
                Self::of((index, figure), &trend.points, bounds, timeline, now_ms)
            })
            .collect()
    }

    fn of(
        (index, figure): (usize, &str),
        points: &[Point],
        bounds: &Compare,
        timeline: &[Transition],
        now_ms: u64,
    ) -> Option<Self> {
        let of_others = |point: &Point| {
            let others = point.figures[index].others?;
            most(figure, others, bounds)
        };
        let line = |of: &dyn Fn(&Point) -> Option<f64>| -> Vec<Option<f64>> {
            points.iter().map(of).collect()
        };
        let new = line(&|point| point.figures[index].new);
        let others = line(&|point| point.figures[index].others);
        let bound = line(&of_others);
        let top = [&new, &others, &bound].into_iter().flatten().flatten();
        let top = top
            .copied()
            .filter(|top| top.is_finite())
            .fold(f64::NAN, f64::max);
        if top.is_nan() {
            return None;
        }
        let top = nice(top);
        let (first, last) = (points.first()?, points.last()?);
        let scale = Scale {
            from_ms: first.at_ms,
            to_ms: last.at_ms,
            top,
        };
        let shown = |found: Option<f64>| {
            found.map_or_else(|| "not measured".to_owned(), |found| value(figure, found))
        };
        let newest = |line: &[Option<f64>]| shown(line.last().copied().flatten());
        let step = points.len().div_ceil(ROWS_MAX).max(1);
        let rows = (0..points.len()).rev().step_by(step);
        Some(Self {
            title: title(figure),
            new: scale.path(points, &new),
            others: scale.path(points, &others),
            most: scale.path(points, &bound),
            top: value(figure, top),
            waves: scale.waves(timeline),
            rows: rows
                .map(|index| ChartRow {
                    at: moment(points[index].at_ms, now_ms),
                    new: shown(new[index]),
                    others: shown(others[index]),
                    most: shown(bound[index]),
                })
                .collect(),
            says: format!(
                "with the release {}, the others {}, at most {}",
                newest(&new),
                newest(&others),
                newest(&bound)
            ),
            first: moment(first.at_ms, now_ms),
            last: moment(last.at_ms, now_ms),
        })
    }
}

/// 1, 2 or 5 with zeros, at least as high.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value);
    step.unwrap_or(10.0) * power
}

struct Scale {
    from_ms: u64,
    to_ms: u64,
    top: f64,
}

impl Scale {
    fn x(&self, at_ms: u64) -> f64 {
        let all_ms = self.to_ms.saturating_sub(self.from_ms);
        if all_ms == 0 {
            return WIDTH;
        }
        let part = at_ms.saturating_sub(self.from_ms).min(all_ms);
        WIDTH * float(part) / float(all_ms)
    }

    fn y(&self, value: f64) -> f64 {
        // A value without an end, of a node that lies, is at the top.
        HEIGHT - HEIGHT * (value / self.top).clamp(0.0, 1.0)
    }

    /// A path that begins anew behind every gap.
    fn path(&self, points: &[Point], line: &[Option<f64>]) -> String {
        let (mut path, mut draws) = (String::new(), false);
        for (point, value) in points.iter().zip(line) {
            let Some(value) = value else {
                draws = false;
                continue;
            };
            let (x, y) = (self.x(point.at_ms), self.y(*value));
            // Writing to a text never fails. A line of no length shows a point that is alone.
            let _ = if draws {
                write!(path, "L{x:.1} {y:.1}")
            } else {
                write!(path, "M{x:.1} {y:.1}h0")
            };
            draws = true;
        }
        path
    }

    fn waves(&self, timeline: &[Transition]) -> Vec<Began> {
        let mut began: Vec<(u32, u64)> = Vec::new();
        for one in timeline {
            let is_new = began.iter().all(|(wave, _)| *wave != one.wave);
            if one.wave > 0 && is_new {
                began.push((one.wave, one.at_ms));
            }
        }
        let within = |at_ms: &u64| (self.from_ms..=self.to_ms).contains(at_ms);
        let shown = began.into_iter().filter(|(_, at_ms)| within(at_ms));
        shown
            .map(|(wave, at_ms)| Began {
                x: format!("{:.1}", self.x(at_ms)),
                says: format!("wave {wave} began"),
            })
            .collect()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a place in a drawing is good enough with 53 bits"
)]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use api::registry::{Compared, RolloutPhase};

    use super::*;

    fn point(at_ms: u64, new: Option<f64>, others: Option<f64>) -> Point {
        let samples = |side: Option<f64>| u64::from(side.is_some());
        let compared = Compared {
            figure: RUN_NS.to_owned(),
            new: new.unwrap_or_default(),
            others: others.unwrap_or_default(),
            new_samples: samples(new),
            others_samples: samples(others),
            passes: None,
        };
        Point::of(at_ms, &[compared])
    }

    fn chart(points: &[Point], timeline: &[Transition]) -> Option<Chart> {
        let bounds = Compare::default();
        Chart::of((2, RUN_NS), points, &bounds, timeline, 10_000)
    }

    #[test]
    fn a_gap_is_no_line() {
        let points = [
            point(0, None, Some(1_000.0)),
            point(1_000, Some(2_000.0), Some(1_000.0)),
            point(2_000, None, None),
            point(3_000, Some(3_000.0), Some(1_000.0)),
        ];
        let chart = chart(&points, &[]).unwrap();
        assert_eq!(chart.top, "5.00 µs");
        assert_eq!(chart.new, "M120.0 72.0h0M360.0 48.0h0");
        assert_eq!(chart.others, "M0.0 96.0h0L120.0 96.0M360.0 96.0h0");
        assert_eq!(chart.most, "M0.0 48.0h0L120.0 48.0M360.0 48.0h0");
        assert_eq!(chart.rows[1].new, "not measured");
        assert_eq!(
            chart.says,
            "with the release 3.00 µs, the others 1.00 µs, at most 3.00 µs"
        );
    }

    #[test]
    fn what_nobody_measured_has_no_chart_and_one_point_has() {
        assert!(chart(&[point(0, None, None)], &[]).is_none());
        let one = chart(&[point(0, Some(0.0), None)], &[]).unwrap();
        assert_eq!(one.new, "M360.0 120.0h0");
        let liar = chart(&[point(0, Some(f64::INFINITY), Some(1.0))], &[]).unwrap();
        assert_eq!(liar.new, "M360.0 0.0h0");
    }

    #[test]
    fn waves_are_marked_where_they_began_and_once() {
        let at = |at_ms, wave| Transition {
            revision: at_ms,
            at_ms,
            who: "registry".to_owned(),
            phase: RolloutPhase::Deploying,
            wave,
            because: String::new(),
        };
        let points = [
            point(1_000, Some(1.0), Some(1.0)),
            point(3_000, Some(1.0), Some(1.0)),
        ];
        let timeline = [at(500, 0), at(900, 1), at(2_000, 2), at(2_500, 2)];
        let chart = chart(&points, &timeline).unwrap();
        let marks: Vec<&str> = chart.waves.iter().map(|one| one.x.as_str()).collect();
        assert_eq!(
            (marks, chart.waves[0].says.as_str()),
            (vec!["180.0"], "wave 2 began")
        );
    }

    #[test]
    fn values_have_the_unit_that_says_enough() {
        for (figure, number, text) in [
            (RUN_NS, 12.3, "12 ns"),
            (RUN_NS, 12_345.0, "12.35 µs"),
            (RUN_NS, 12_345_678.0, "12.35 ms"),
            (LOST_PPM, 1_000.0, "1000"),
            (FAULTS_PER_MILLE, 0.26, "0.3"),
        ] {
            assert_eq!(value(figure, number), text);
        }
        for (value, top) in [
            (0.0, 1.0),
            (0.9, 1.0),
            (1.1, 2.0),
            (2.1, 5.0),
            (5_001.0, 10_000.0),
        ] {
            assert!((nice(value) - top).abs() < 1e-9, "{value}");
        }
    }
}
