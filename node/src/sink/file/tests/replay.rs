//! Files that are gone on with after a kill at any byte: nothing twice, nothing missing.

use proptest::prelude::*;

use super::*;

/// Large enough for all that these tests write.
const ALL: Rotation = Rotation {
    file_bytes_max: 1 << 20,
    files_max: 2,
};

/// A line as a source makes it, of a record of `length` at this position.
#[derive(Debug, Clone)]
struct Line {
    ring: usize,
    position: u64,
    length: usize,
    read_us: u64,
}

impl Line {
    fn text(&self, replayed: bool) -> String {
        let Self {
            ring,
            position,
            length,
            read_us,
        } = self;
        let mark = if replayed { ",\"replayed\":true" } else { "" };
        let raw = "f".repeat(*length);
        format!(
            "{{\"instance\":\"x\",\"generation\":1,\"ring\":\"ring{ring}\",\"position\":{position}\
             {mark},\"read_us\":{read_us},\"event\":{{\"raw\":\"{raw}\"}}}}\n"
        )
    }
}

/// Lines of one span, with records of these lengths.
fn span(ring: usize, first: u64, read_us: u64, lengths: &[usize]) -> Vec<Line> {
    let line = |(index, length): (u64, &usize)| Line {
        ring,
        position: first + 8 * index,
        length: *length,
        read_us,
    };
    (0..).zip(lengths).map(line).collect()
}

fn text(lines: &[Line], replayed: bool) -> String {
    lines.iter().map(|line| line.text(replayed)).collect()
}

fn count(lines: &[Line]) -> u64 {
    u64::try_from(lines.len()).unwrap()
}

/// How a daemon is killed while it writes a line.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// Before anything of it.
    Before,
    /// When the files were renamed for it, and before there was a new one.
    Renamed,
    /// So many bytes of it were written: 0 and more, but not all.
    Within(usize),
}

/// Has the sink write `whole` lines and die in the one behind them.
fn killed(place: &Place, mut sink: FileSink, lines: &[Line], whole: usize, kill: Kill) {
    let text = |lines: &[Line]| text(lines, false);
    if whole > 0 {
        sink.deliver(text(&lines[..whole]).as_bytes(), count(&lines[..whole]));
    }
    let bytes = match kill {
        Kill::Before => return,
        Kill::Renamed => 0,
        Kill::Within(bytes) => bytes,
    };
    let next = text(&lines[whole..=whole]);
    sink.deliver(next.as_bytes(), 1);
    // As far as it came: what was written of this line is behind all others of its file.
    let file = File::options().write(true).open(place.path()).unwrap();
    let left = file.metadata().unwrap().len() - u64::try_from(next.len() - bytes).unwrap();
    file.set_len(left).unwrap();
    if left == 0 && matches!(kill, Kill::Renamed) {
        fs::remove_file(place.path()).unwrap();
    }
}

/// Ring and position of every line that is kept, the oldest first.
fn kept(place: &Place, files: u32) -> Vec<(String, u64)> {
    let contents = place.contents(files);
    let texts = contents.into_iter().flatten().rev();
    let mut kept = Vec::new();
    for text in texts {
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let ring = line["ring"].as_str().unwrap().to_owned();
            kept.push((ring, line["position"].as_u64().unwrap()));
        }
    }
    kept
}

fn places(lines: &[Line]) -> Vec<(String, u64)> {
    let place = |line: &Line| (format!("ring{}", line.ring), line.position);
    lines.iter().map(place).collect()
}

/// Every way to die while `lines` are written.
fn kills(lines: &[Line]) -> Vec<(usize, Kill)> {
    let mut kills = vec![(lines.len(), Kill::Before)];
    for (whole, line) in lines.iter().enumerate() {
        let within = (0..line.text(false).len()).map(Kill::Within);
        let ways = [Kill::Before, Kill::Renamed].into_iter().chain(within);
        kills.extend(ways.map(|kill| (whole, kill)));
    }
    kills
}

#[test]
fn a_file_is_exact_after_a_kill_at_any_byte_of_a_span() {
    let small = |file_bytes_max| Rotation {
        file_bytes_max,
        files_max: 50,
    };
    let before = span(0, 0, 1000, &[3, 0, 9]);
    let torn = span(0, 24, 2000, &[4, 40, 0, 7]);
    let after = span(0, 56, 4000, &[1, 2]);
    let all = [before.clone(), torn.clone(), after.clone()].concat();
    // Everything in one file, two or three lines in one, one in one.
    for rotation in [ALL, small(400), small(1)] {
        for (whole, kill) in kills(&torn) {
            let place = Place::new();
            let mut sink = place.open(rotation);
            sink.deliver(text(&before, false).as_bytes(), count(&before));
            killed(&place, sink, &torn, whole, kill);

            let mut sink = place.open(rotation);
            let replay = sink.replay(text(&torn, true).as_bytes(), count(&torn));
            assert_eq!(replay, delivered(count(&torn)));
            sink.deliver(text(&after, false).as_bytes(), count(&after));
            let kept = kept(&place, rotation.files_max);
            assert_eq!(kept, places(&all), "{rotation:?} {whole} {kill:?}");
        }
    }
}

#[test]
fn one_file_alone_has_nothing_twice_and_no_gap_after_a_kill() {
    let rotation = Rotation {
        file_bytes_max: 400,
        files_max: 1,
    };
    let before = span(0, 0, 1000, &[3, 0, 9]);
    let torn = span(0, 24, 2000, &[4, 40, 0, 7]);
    let all = [before.clone(), torn.clone()].concat();
    for (whole, kill) in kills(&torn) {
        let place = Place::new();
        let mut sink = place.open(rotation);
        sink.deliver(text(&before, false).as_bytes(), count(&before));
        killed(&place, sink, &torn, whole, kill);
        let replay = place
            .open(rotation)
            .replay(text(&torn, true).as_bytes(), count(&torn));
        assert_eq!(replay, delivered(count(&torn)));
        let kept = kept(&place, 1);
        assert!(!kept.is_empty());
        assert!(places(&all).ends_with(&kept), "{whole} {kill:?} {kept:?}");
    }
}

#[test]
fn lines_of_another_life_of_the_instance_are_not_taken_for_those_that_come_again() {
    let place = Place::new();
    let life = |read_us| span(0, 0, read_us, &[1, 1, 1]);
    place
        .open(ALL)
        .deliver(text(&life(1000), false).as_bytes(), 3);
    // The next life has the same generation, ring and positions, and was killed before it wrote.
    let replay = place
        .open(ALL)
        .replay(text(&life(2000), true).as_bytes(), 3);
    assert_eq!(replay, delivered(3));
    let both = [life(1000), life(2000)].concat();
    assert_eq!(kept(&place, 1), places(&both));
}

#[test]
fn a_line_of_another_ring_says_nothing_about_those_that_come_again() {
    let place = Place::new();
    let (one, other) = (span(1, 80, 1000, &[1]), span(2, 0, 1000, &[1, 1]));
    place.open(ALL).deliver(text(&one, false).as_bytes(), 1);
    let replay = place.open(ALL).replay(text(&other, true).as_bytes(), 2);
    assert_eq!(replay, delivered(2));
    assert_eq!(kept(&place, 1), places(&[one, other].concat()));
}

#[test]
fn only_what_is_replayed_is_ever_left_out_and_nothing_else_is_looked_into() {
    let place = Place::new();
    let lines = text(&span(0, 0, 1000, &[1, 1]), false);
    place.open(ALL).deliver(lines.as_bytes(), 2);
    let mut sink = place.open(ALL);
    assert_eq!(sink.deliver(lines.as_bytes(), 2), delivered(2));
    assert_eq!(sink.deliver(b"no event\n", 1), delivered(1));
    let twice = format!("{lines}{lines}no event\n");
    assert_eq!(place.contents(1), [Some(twice)]);
}

#[test]
fn a_last_line_that_is_no_event_or_larger_than_a_block_is_gone_on_behind() {
    let long = span(0, 0, 1000, &[300_000, 5]);
    for (kept_before, left) in [(1, 1), (0, 2)] {
        let place = Place::new();
        let written = text(&long[..kept_before], false);
        let mut sink = place.open(ALL);
        sink.deliver(written.as_bytes(), count(&long[..kept_before]));
        drop(sink);
        let replay = place.open(ALL).replay(text(&long, true).as_bytes(), 2);
        assert_eq!(replay, delivered(2));
        let new = text(&long[2 - left..], true);
        assert_eq!(place.contents(1), [Some(format!("{written}{new}"))]);
    }
    let place = Place::new();
    place.open(ALL).deliver(b"[]\n", 1);
    let short = span(0, 0, 1000, &[5]);
    place.open(ALL).replay(text(&short, true).as_bytes(), 1);
    let new = text(&short, true);
    assert_eq!(place.contents(1), [Some(format!("[]\n{new}"))]);
}

#[test]
fn what_a_full_disk_took_of_a_span_is_not_written_again_and_the_rest_is() {
    let Some(disk) = Small::mounted() else {
        println!("not run: mounting a small file system needs root");
        return;
    };
    let path = disk.0.path().join("events.jsonl");
    let filler = disk.0.path().join("filler");
    File::create(&filler)
        .unwrap()
        .write_all(&vec![0; 48 * 1024])
        .unwrap();
    let lines = span(0, 0, 1000, &[1000; 40]);
    let mut sink = FileSink::open(&path, ALL).unwrap();
    let first = sink.deliver(text(&lines, false).as_bytes(), 40);
    assert!(
        first.delivered > 0 && first.lost_in_sink > 0,
        "a part fits: {first:?}"
    );
    drop(sink);
    fs::remove_file(&filler).unwrap();

    let mut sink = FileSink::open(&path, ALL).unwrap();
    let replay = sink.replay(text(&lines, true).as_bytes(), 40);
    assert_eq!(replay, delivered(40));
    let text = fs::read_to_string(&path).unwrap();
    let positions: Vec<u64> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["position"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(
        positions,
        (0..40).map(|number| number * 8).collect::<Vec<_>>()
    );
    assert_eq!(
        u64::try_from(text.matches("\"replayed\":true").count()).unwrap(),
        first.lost_in_sink
    );
}

/// One span of a story: whose, how long its records are, and where the daemons die in it, one
/// after the other: in which line and at which byte, as parts of all there are.
fn told() -> impl Strategy<Value = (usize, Vec<usize>, Vec<(f64, f64)>)> {
    let kills = prop::collection::vec((0.0..1.0, -0.2..1.0), 0..3);
    (0_usize..3, prop::collection::vec(0_usize..60, 1..6), kills)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Daemons that die one after the other, several times in the same span too, over rings that
    /// share a file, which is rotated.
    #[test]
    fn no_story_of_kills_loses_or_repeats_a_line(
        story in prop::collection::vec(told(), 1..12),
        file_bytes_max in prop::sample::select(vec![1_u64, 200, 500, 1 << 20]),
    ) {
        let rotation = Rotation { file_bytes_max, files_max: 200 };
        let place = Place::new();
        let mut sink = place.open(rotation);
        let mut ends = [0; 3];
        let mut all = Vec::new();
        for (number, (ring, lengths, deaths)) in (1..).zip(&story) {
            // Two spans that follow each other may be read in the same microsecond.
            let lines = span(*ring, ends[*ring], number / 2, lengths);
            ends[*ring] += 8 * count(&lines);
            all.extend_from_slice(&lines);
            let mut again = false;
            for (line, byte) in deaths {
                // What the sink of a replay leaves out it has not to die in.
                let written = if again { kept(&place, 200).len() } else { all.len() - lines.len() };
                let left = &lines[written + lines.len() - all.len()..];
                let whole = part(left.len(), *line);
                let bytes = left.get(whole).map_or(0, |line| line.text(false).len());
                let kill = if left.is_empty() || *byte < -0.1 {
                    Kill::Before
                } else if *byte < 0.0 {
                    Kill::Renamed
                } else {
                    Kill::Within(part(bytes, *byte))
                };
                killed(&place, sink, left, whole, kill);
                sink = place.open(rotation);
                again = true;
            }
            let handed = text(&lines, again);
            let delivery = if again {
                sink.replay(handed.as_bytes(), count(&lines))
            } else {
                sink.deliver(handed.as_bytes(), count(&lines))
            };
            prop_assert_eq!(delivery, delivered(count(&lines)));
        }
        prop_assert_eq!(kept(&place, 200), places(&all));
    }
}

/// A part of so many, less than all unless there are none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers that are not negative"
)]
fn part(count: usize, of: f64) -> usize {
    (count as f64 * of) as usize
}
