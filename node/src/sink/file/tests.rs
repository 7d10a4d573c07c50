//! The file sink on real file systems, a full one among them.

mod replay;

use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;

/// How long another process may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

const ROTATION: Rotation = Rotation {
    file_bytes_max: 12,
    files_max: 3,
};

fn delivered(count: u64) -> Delivery {
    Delivery {
        delivered: count,
        ..Delivery::default()
    }
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("events.jsonl")
    }

    /// A process that another test is just starting holds what this one has closed, until it runs.
    fn open(&self, rotation: Rotation) -> FileSink {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match FileSink::open(&self.path(), rotation) {
                Ok(sink) => return sink,
                Err(error) if error.source.kind() == ErrorKind::ResourceBusy => {
                    assert!(Instant::now() < deadline, "{error}");
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The files by number, none where there is none.
    fn contents(&self, files: u32) -> Vec<Option<String>> {
        let read = |number: u32| {
            let mut path = self.path().into_os_string();
            if number > 0 {
                path.push(format!(".{number}"));
            }
            fs::read_to_string(path).ok()
        };
        (0..files).map(read).collect()
    }
}

#[test]
fn lines_are_appended_and_kept_over_a_restart() {
    let place = Place::new();
    assert_eq!(place.open(ROTATION).deliver(b"a\nb\n", 2), delivered(2));
    assert_eq!(place.open(ROTATION).deliver(b"c\n", 1), delivered(1));
    assert_eq!(place.contents(2), [Some("a\nb\nc\n".to_owned()), None]);
}

#[test]
fn a_full_file_is_put_aside_and_the_oldest_goes() {
    let place = Place::new();
    let mut sink = place.open(ROTATION);
    for line in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        assert_eq!(
            sink.deliver(format!("line{line}\n").as_bytes(), 1),
            delivered(1)
        );
    }
    let kept =
        ["line7\nline8\n", "line5\nline6\n", "line3\nline4\n"].map(|text| Some(text.to_owned()));
    assert_eq!(place.contents(3), kept);
    assert_eq!(place.contents(4)[3], None);
}

#[test]
fn a_batch_is_split_between_files_at_its_lines() {
    let place = Place::new();
    let mut sink = place.open(ROTATION);
    assert_eq!(
        sink.deliver(b"line1\nline2\nline3\nline4\nline5\n", 5),
        delivered(5)
    );
    let kept = ["line5\n", "line3\nline4\n", "line1\nline2\n"].map(|text| Some(text.to_owned()));
    assert_eq!(place.contents(3), kept);
}

#[test]
fn a_line_longer_than_a_file_gets_its_own() {
    let place = Place::new();
    let mut sink = place.open(ROTATION);
    assert_eq!(sink.deliver(b"a\nthis is too long\nb\n", 3), delivered(3));
    assert_eq!(
        place.contents(3),
        ["b\n", "this is too long\n", "a\n"].map(|text| Some(text.to_owned()))
    );
}

#[test]
fn one_file_alone_begins_again() {
    let place = Place::new();
    let mut sink = place.open(Rotation {
        files_max: 1,
        ..ROTATION
    });
    for _ in 0..3 {
        sink.deliver(b"line1\nline2\n", 2);
    }
    sink.deliver(b"line3\n", 1);
    assert_eq!(place.contents(2), [Some("line3\n".to_owned()), None]);
}

#[test]
fn half_a_line_left_by_a_crash_is_cut_off() {
    for (left, kept) in [("a\nhalf", "a\n"), ("half", ""), ("a\n", "a\n"), ("", "")] {
        let place = Place::new();
        let mut file = File::create(place.path()).unwrap();
        file.write_all(left.as_bytes()).unwrap();
        drop(file);
        place.open(ROTATION).deliver(b"b\n", 1);
        assert_eq!(place.contents(1), [Some(format!("{kept}b\n"))], "{left:?}");
    }
    let place = Place::new();
    let mut file = File::create(place.path()).unwrap();
    file.write_all(&[b"a\n".as_slice(), &b"x".repeat(200_000)].concat())
        .unwrap();
    drop(file);
    place.open(ROTATION).deliver(b"b\n", 1);
    assert_eq!(
        place.contents(1),
        [Some("a\nb\n".to_owned())],
        "further back than one block"
    );
}

#[test]
fn files_beyond_a_smaller_number_are_removed() {
    let place = Place::new();
    let mut sink = place.open(ROTATION);
    sink.deliver(b"line1\nline2\nline3\nline4\nline5\n", 5);
    drop(sink);
    place.open(Rotation {
        files_max: 2,
        ..ROTATION
    });
    assert_eq!(
        place.contents(3),
        [
            Some("line5\n".to_owned()),
            Some("line3\nline4\n".to_owned()),
            None
        ]
    );
}

#[test]
fn a_file_has_one_writer() {
    let place = Place::new();
    let _first = place.open(ROTATION);
    let error = FileSink::open(&place.path(), ROTATION).err().unwrap();
    assert_eq!(error.source.kind(), ErrorKind::ResourceBusy);
    assert!(error.sink.contains("events.jsonl"));
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_that_names_it() {
    let place = Place::new();
    let path = place.0.path().join("missing").join("events.jsonl");
    let error = FileSink::open(&path, ROTATION).err().unwrap();
    assert_eq!(error.sink, format!("file {}", path.display()));
}

#[test]
fn lines_are_lost_while_the_folder_is_gone_and_kept_again_after() {
    let place = Place::new();
    let folder = place.0.path().join("events");
    fs::create_dir(&folder).unwrap();
    let mut sink = FileSink::open(&folder.join("events.jsonl"), ROTATION).unwrap();
    sink.deliver(b"line1\nline2\n", 2);
    let gone = place.0.path().join("gone");
    fs::rename(&folder, &gone).unwrap();
    let lost = Delivery {
        lost_in_sink: 1,
        ..Delivery::default()
    };
    assert_eq!(sink.deliver(b"line3\n", 1), lost);
    fs::rename(&gone, &folder).unwrap();
    assert_eq!(sink.deliver(b"line4\n", 1), delivered(1));
    let text = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    assert!(text.ends_with("line4\n"), "{text}");
}

/// A file system of 64 KiB, unmounted at the end.
struct Small(TempDir);

impl Small {
    fn mounted() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .output();
        mount
            .is_ok_and(|done| done.status.success())
            .then(|| Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_lines_counts_them_and_leaves_no_half_ones() {
    let Some(disk) = Small::mounted() else {
        println!("not run: mounting a small file system needs root");
        return;
    };
    let path = disk.0.path().join("events.jsonl");
    let large = Rotation {
        file_bytes_max: 1 << 20,
        files_max: 2,
    };
    let mut sink = FileSink::open(&path, large).unwrap();
    let line = [b"x".repeat(999).as_slice(), b"\n"].concat();
    let batch = line.repeat(50);
    let mut lines = 0;
    for _ in 0..3 {
        let delivery = sink.deliver(&batch, 50);
        assert_eq!(delivery.delivered + delivery.lost_in_sink, 50);
        lines += delivery.delivered;
    }
    assert_eq!(lines, 65, "as many whole lines as 64 KiB hold");
    let mut text = String::new();
    File::open(&path)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.len(), 65_000);
    assert!(text.ends_with('\n'));

    // Space again, as when somebody cleans up: the next line is whole and kept.
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    assert_eq!(sink.deliver(&line, 1), delivered(1));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.as_bytes().ends_with(&line));
}
