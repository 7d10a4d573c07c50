//! Lengths of files and functions. Called by `tidy`.
//! Must never be loosened for one file: split where the vocabulary changes.

use super::Violation;
use super::source::{File, closing, line_of};

/// Files are small enough to hold in the head.
const FILE_LINES_MAX: usize = 400;
/// From the line of the name to the closing brace.
const FUNCTION_LINES_MAX: usize = 70;

const KINDS: [&str; 8] = [".rs", ".c", ".h", ".sh", ".css", ".js", ".html", ".sql"];

/// A source file has at most `FILE_LINES_MAX` lines.
pub(crate) fn of_file(file: &File) -> Vec<Violation> {
    let lines = file.text.lines().count();
    if lines <= FILE_LINES_MAX || !KINDS.iter().any(|kind| file.path.ends_with(kind)) {
        return Vec::new();
    }
    let rule = format!("file has {lines} lines, at most {FILE_LINES_MAX}");
    vec![Violation::new(&file.path, FILE_LINES_MAX + 1, rule)]
}

/// A function has at most `FUNCTION_LINES_MAX` lines.
pub(crate) fn of_functions(file: &File) -> Vec<Violation> {
    let bodies = if file.is_rust() {
        rust_bodies(&file.code)
    } else {
        c_bodies(&file.code)
    };
    bodies
        .into_iter()
        .filter_map(|(start, open)| {
            let first = line_of(&file.code, start);
            let lines = line_of(&file.code, closing(&file.code, open)?) - first + 1;
            let rule = format!("function has {lines} lines, at most {FUNCTION_LINES_MAX}");
            (lines > FUNCTION_LINES_MAX).then(|| Violation::new(&file.path, first, rule))
        })
        .collect()
}

/// Where each function begins, and where its body opens.
fn rust_bodies(code: &str) -> Vec<(usize, usize)> {
    code.match_indices("fn ")
        .filter(|&(at, _)| {
            let before = code[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        })
        .filter_map(|(at, _)| {
            let open = at + code[at..].find(['{', ';'])?;
            (code.as_bytes()[open] == b'{').then_some((at, open))
        })
        .collect()
}

/// At the outermost level, a brace behind a closing parenthesis opens a function.
fn c_bodies(code: &str) -> Vec<(usize, usize)> {
    let (mut found, mut depth) = (Vec::new(), 0_usize);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => {
                if depth == 0 && code[..at].trim_end().ends_with(')') {
                    found.push((at, at));
                }
                depth += 1;
            }
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_reported() {
        let file = File::new("a/src/b.rs", &"// x\n".repeat(FILE_LINES_MAX + 1));
        assert_eq!(of_file(&file).len(), 1);
        assert!(of_file(&File::new("a/b.rs", &"// x\n".repeat(FILE_LINES_MAX))).is_empty());
    }

    #[test]
    fn a_long_function_is_reported_at_its_first_line() {
        let body = "    g();\n".repeat(FUNCTION_LINES_MAX - 1);
        let rust = format!("struct S;\nfn f<T>() -> T\nwhere\n    T: Default,\n{{\n{body}}}\n");
        let found = of_functions(&File::new("a/src/b.rs", &rust));
        assert_eq!((found.len(), found[0].line), (1, 2));
        let c = format!("int f(void)\n{{\n{body}\n}}\n");
        assert_eq!(of_functions(&File::new("bpf/a/a.bpf.c", &c)).len(), 1);
    }

    #[test]
    fn declarations_and_short_functions_are_fine() {
        let text = "trait T { fn f(); }\nfn g() { h() }\n";
        assert!(of_functions(&File::new("a/src/b.rs", text)).is_empty());
        let c = "struct s {\n".to_owned() + &"int x;\n".repeat(90) + "};\n";
        assert!(of_functions(&File::new("bpf/a/a.bpf.c", &c)).is_empty());
    }
}
