//! Which crate may be named where, and who may print. Called by `tidy`.
//! Must never be widened to make a file pass: move the code behind the fence instead.

use super::Violation;
use super::source::{File, words};

/// A name that only some rooms may use.
struct Fence {
    name: &'static str,
    rooms: &'static [&'static str],
}

const FENCES: [Fence; 6] = [
    Fence {
        name: "sqlx",
        rooms: &["registry/src/db"],
    },
    Fence {
        name: "libbpf_rs",
        rooms: &["node/src/kernel", "node/build.rs"],
    },
    Fence {
        name: "libbpf_sys",
        rooms: &["node/src/kernel", "node/build.rs"],
    },
    Fence {
        name: "wasmtime",
        rooms: &["node/handler"],
    },
    Fence {
        name: "axum",
        rooms: &[
            "node/src/daemon",
            "registry/src/routes",
            "registry/src/router",
        ],
    },
    Fence {
        name: "anyhow",
        rooms: &[
            "xtask",
            "node/src/main",
            "packer/src/main",
            "registry/src/main",
        ],
    },
];

/// What the pure library must not reach for.
const IMPURE: [&str; 11] = [
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "std::process",
    "std::thread",
    "env::var",
    "env::args",
    "env::current_dir",
    "SystemTime",
    "Instant",
];

/// Each fenced crate is named only in its rooms; `payload` touches nothing but bytes.
pub(crate) fn crates(file: &File) -> Vec<Violation> {
    if !file.is_rust() || file.is_test() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in file.shipped.lines().enumerate() {
        for fence in &FENCES {
            let inside = fence
                .rooms
                .iter()
                .any(|room| file.is_in(room) || file.path == *room);
            if !inside && words(line).any(|word| word == fence.name) {
                let rule = format!(
                    "`{}` is named only in {}",
                    fence.name,
                    fence.rooms.join(", ")
                );
                found.push(Violation::new(&file.path, index + 1, rule));
            }
        }
        if let Some(name) = IMPURE.iter().find(|name| line.contains(*name))
            && file.is_in("payload/src")
        {
            let rule = format!("`payload` is pure: no {name}");
            found.push(Violation::new(&file.path, index + 1, rule));
        }
    }
    found
}

/// A program prints in one file only.
pub(crate) fn prints(file: &File) -> Vec<Violation> {
    const MACROS: [&str; 4] = ["println!", "eprintln!", "print!", "eprint!"];
    if !file.is_rust() || file.is_test() || file.path.ends_with("/src/output.rs") {
        return Vec::new();
    }
    let prints = |line: &str| {
        MACROS.iter().any(|name| {
            line.match_indices(name).any(|(at, _)| {
                line[..at]
                    .chars()
                    .next_back()
                    .is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        })
    };
    let lines = file
        .shipped
        .lines()
        .enumerate()
        .filter(|(_, line)| prints(line));
    lines
        .map(|(index, _)| {
            Violation::new(&file.path, index + 1, "only the program's output.rs prints")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fenced(path: &str, text: &str) -> usize {
        crates(&File::new(path, text)).len()
    }

    #[test]
    fn each_fenced_crate_is_refused_outside_its_rooms() {
        for fence in &FENCES {
            let text = format!("use {}::x;\n", fence.name);
            assert_eq!(fenced("payload/src/lib.rs", &text), 1, "{}", fence.name);
            for room in fence.rooms.iter().filter(|room| !room.contains('.')) {
                assert_eq!(
                    fenced(&format!("{room}/a.rs"), &text),
                    0,
                    "{} in {room}",
                    fence.name
                );
            }
        }
    }

    #[test]
    fn tests_and_comments_are_outside_the_fences() {
        assert_eq!(fenced("tests/tests/kernel.rs", "use libbpf_rs::x;\n"), 0);
        assert_eq!(fenced("payload/src/lib.rs", "// libbpf_rs does this\n"), 0);
    }

    #[test]
    fn payload_is_pure() {
        assert_eq!(
            fenced("payload/src/file.rs", "let x = std::fs::read(p);\n"),
            1
        );
        assert_eq!(
            fenced("packer/src/build.rs", "let x = std::fs::read(p);\n"),
            0
        );
    }

    #[test]
    fn printing_is_for_the_output_file() {
        let text = "fn f() { eprintln!(\"x\") }\n";
        assert_eq!(prints(&File::new("node/src/cli.rs", text)).len(), 1);
        assert!(prints(&File::new("node/src/output.rs", text)).is_empty());
        assert!(prints(&File::new("node/src/cli.rs", "fn f() { my_println!() }\n")).is_empty());
    }
}
