//! The files that tidy reads, and their code with comments and literals blanked out.
//! Called by every rule. Must never lose a line: line numbers are what rules report.

use anyhow::Result;

use crate::run;

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    /// As it is on disk.
    pub(crate) text: String,
    /// The same lines with comments and the insides of literals blanked out; only for Rust and C.
    pub(crate) code: String,
    /// `code` without what is compiled for tests only.
    pub(crate) shipped: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let rust = is(path, "rs");
        let code = if rust || is(path, "c") || is(path, "h") {
            blank(text, rust)
        } else {
            String::new()
        };
        let shipped = if rust {
            without_tests(&code)
        } else {
            code.clone()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            shipped,
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        is(&self.path, "rs")
    }

    pub(crate) fn is_c(&self) -> bool {
        is(&self.path, "c") || is(&self.path, "h")
    }

    /// Whether the whole file is only compiled for tests or builds.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("/build.rs")
    }

    /// Whether the file is `prefix.rs` or lies below `prefix/`.
    pub(crate) fn is_in(&self, prefix: &str) -> bool {
        self.path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    }
}

fn is(path: &str, extension: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, found)| found == extension)
}

/// Every text file that git tracks or would track, sorted by path.
///
/// # Errors
/// When git fails. A file that is gone from the disk is not listed.
pub(crate) fn tree() -> Result<Vec<File>> {
    let mut git = run::command("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = run::captured(&mut git)?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let root = run::root();
    let read = |path: &str| {
        let text = String::from_utf8(std::fs::read(root.join(path)).ok()?).ok()?;
        (!text.contains('\0')).then(|| File::new(path, &text))
    };
    Ok(paths.into_iter().filter_map(read).collect())
}

/// The words of one line of code.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The number of the line (from 1) that byte `at` of `text` is in.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The offset of the brace that closes the one at `open`, in blanked code.
pub(crate) fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// Blanks the bodies of `#[cfg(test)] mod … { … }`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(at) = out[from..].find(MARK).map(|at| at + from) {
        from = at + MARK.len();
        let rest = &out[from..];
        let is_mod = rest.trim_start().starts_with("mod ");
        let open = rest.find(['{', ';']).map(|open| open + from);
        let Some(open) = open.filter(|&open| is_mod && out.as_bytes()[open] == b'{') else {
            continue;
        };
        let Some(close) = closing(&out, open) else {
            continue;
        };
        out.replace_range(open..close, &blanked(&code[open..close]));
        from = close;
    }
    out
}

fn blanked(text: &str) -> String {
    // Byte for byte, so that offsets stay what they are.
    text.bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect()
}

/// Blanks comments and the insides of literals; the result has the same length in bytes.
fn blank(text: &str, rust: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = text;
    let mut before = ' ';
    while let Some(c) = left.chars().next() {
        let skipped = comment(left, rust)
            .or_else(|| if rust { raw_string(left, before) } else { None })
            .or_else(|| (c == '"').then(|| quoted(left, '"')))
            .or_else(|| (c == '\'').then(|| character(left, rust)).flatten());
        if let Some(length) = skipped {
            out.push_str(&blanked(&left[..length]));
            left = &left[length..];
            before = ' ';
        } else {
            if c.is_ascii() {
                out.push(c);
            } else {
                out.extend(std::iter::repeat_n(' ', c.len_utf8()));
            }
            before = c;
            left = &left[c.len_utf8()..];
        }
    }
    out
}

/// The length of the comment that `text` begins with.
fn comment(text: &str, nested: bool) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (1_usize, 2);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match &bytes[at..(at + 2).min(bytes.len())] {
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            b"/*" if nested => (depth, at) = (depth + 1, at + 2),
            _ => at += 1,
        }
    }
    Some(bytes.len())
}

/// The length of the raw string that `text` begins with.
fn raw_string(text: &str, before: char) -> Option<usize> {
    if before.is_alphanumeric() && !matches!(before, 'b' | 'c') {
        return None;
    }
    let hashes = text
        .strip_prefix('r')?
        .bytes()
        .take_while(|&byte| byte == b'#')
        .count();
    let inside = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(2 + hashes + length)
}

/// The length of the literal between `quote` and the next one that no backslash escapes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; a Rust lifetime is none.
fn character(text: &str, rust: bool) -> Option<usize> {
    let mut chars = text.chars().skip(1);
    let (first, second) = (chars.next()?, chars.next());
    let literal = !rust || first == '\\' || second == Some('\'');
    literal.then(|| quoted(text, '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "let a = \"println!\"; // println!\nlet b = r#\"dbg!\"#; /* x /* y */ z */ c('\"', 'x')";
        let file = File::new("a/src/b.rs", text);
        assert_eq!(file.code.len(), text.len());
        assert!(!file.code.contains("println") && !file.code.contains("dbg"));
        assert!(!file.code.contains('z') && file.code.contains("c("));
        assert_eq!(file.code.lines().count(), 2);
    }

    #[test]
    fn lifetimes_do_not_open_literals() {
        let file = File::new(
            "a/src/b.rs",
            "fn f<'a>(x: &'a str) { libbpf_rs::g('b', x) }",
        );
        assert!(file.code.contains("libbpf_rs") && file.code.contains("&'a str"));
    }

    #[test]
    fn test_modules_are_not_shipped() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { println!() }\n}\nfn c() {}\n";
        let file = File::new("a/src/b.rs", text);
        assert!(file.code.contains("println"));
        assert!(!file.shipped.contains("println") && file.shipped.contains("fn c"));
    }

    #[test]
    fn a_room_is_a_folder_or_the_file_beside_it() {
        assert!(File::new("node/src/kernel.rs", "").is_in("node/src/kernel"));
        assert!(File::new("node/src/kernel/a.rs", "").is_in("node/src/kernel"));
        assert!(!File::new("node/src/kernels.rs", "").is_in("node/src/kernel"));
    }
}
