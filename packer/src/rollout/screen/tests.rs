//! What the bytes make of a terminal, against what should stand there.

use super::*;

const SIZE: Size = Size {
    columns: 40,
    lines: 24,
};

/// As much of a terminal as the bytes need.
#[derive(Debug, Default)]
struct Terminal {
    lines: Vec<Vec<char>>,
    line: usize,
    column: usize,
}

impl Terminal {
    fn write(&mut self, bytes: &str) {
        let mut rest = bytes;
        while let Some(one) = rest.chars().next() {
            rest = &rest[one.len_utf8()..];
            match one {
                '\n' => (self.line, self.column) = (self.line + 1, 0),
                '\u{1b}' => {
                    let end = rest.find(|one: char| one.is_ascii_alphabetic()).unwrap();
                    let count = rest[1..end].parse().unwrap_or(1);
                    self.control(rest.as_bytes()[end], count);
                    rest = &rest[end + 1..];
                }
                letter => self.put(letter),
            }
        }
    }

    fn control(&mut self, what: u8, count: usize) {
        match what {
            b'A' => self.line = self.line.checked_sub(count).expect("a line above"),
            b'G' => self.column = count - 1,
            b'H' => (self.line, self.column) = (0, 0),
            b'J' => {
                self.lines.truncate(self.line + 1);
                self.cut();
            }
            b'K' => self.cut(),
            b'h' | b'l' => {}
            other => panic!("{other}"),
        }
    }

    fn put(&mut self, letter: char) {
        let lines = self.lines.len().max(self.line + 1);
        self.lines.resize(lines, Vec::new());
        let line = &mut self.lines[self.line];
        let columns = line.len().max(self.column + 1);
        line.resize(columns, ' ');
        line[self.column] = letter;
        self.column += 1;
    }

    fn cut(&mut self) {
        if let Some(line) = self.lines.get_mut(self.line) {
            line.truncate(self.column);
        }
    }

    fn text(&self) -> Vec<String> {
        let lines = self.lines.iter();
        let mut text: Vec<String> = lines.map(|line| line.iter().collect()).collect();
        while text.last().is_some_and(String::is_empty) {
            text.pop();
        }
        text
    }
}

fn lines(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

#[test]
fn the_terminal_shows_each_picture_whatever_stood_there() {
    let pictures = [
        "a/b/c",
        "a/b/c",
        "a/bb/c/d",
        "one → two/bb/c",
        "one two",
        "one → two/x",
        "/x/y",
        "12 s of 60 s/x/y",
        "13 s of 60 s/x/y",
        "9 s/x/yyyy → zzzz/w",
        "9 s/x/yyyy → z/w",
        "q",
    ];
    let (mut screen, mut terminal) = (Screen::default(), Terminal::default());
    for first in pictures {
        for then in pictures {
            for picture in [first, then] {
                terminal.write(&screen.show(lines(picture), SIZE));
                assert_eq!(terminal.text().join("/"), picture, "{first} then {then}");
                assert_eq!((terminal.line, terminal.column), (lines(picture).len(), 0));
            }
        }
    }
}

#[test]
fn what_stays_is_not_sent_again() {
    let mut screen = Screen::default();
    let long = "x".repeat(40);
    screen.show(
        vec!["baking, 34 s of 60 s".into(), long.clone(), long.clone()],
        SIZE,
    );
    let same = screen.show(
        vec!["baking, 34 s of 60 s".into(), long.clone(), long.clone()],
        SIZE,
    );
    assert_eq!(same, "");
    let tick = screen.show(
        vec!["baking, 35 s of 60 s".into(), long.clone(), long],
        SIZE,
    );
    assert_eq!(tick, "\u{1b}[3A\u{1b}[10G5 s of 60 s\n\n\n");
}

#[test]
fn another_size_is_drawn_anew() {
    let (mut screen, mut terminal) = (Screen::default(), Terminal::default());
    terminal.write(&screen.show(lines("a/b"), SIZE));
    let wider = Size {
        columns: 80,
        ..SIZE
    };
    let bytes = screen.show(lines("a/b"), wider);
    assert!(bytes.starts_with("\u{1b}[H\u{1b}[J"), "{bytes:?}");
    terminal.write(&bytes);
    assert_eq!(terminal.text(), ["a", "b"]);
}
