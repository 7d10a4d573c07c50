//! A registry with a folder of its own, and runs of `packer` that ask it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tests::programs;

/// A registry that ends with the test, and a folder in which `packer` runs.
pub(crate) struct Stage {
    registry: Child,
    folder: tempfile::TempDir,
    url: String,
    admin: String,
}

/// What a run of `packer` came to.
pub(crate) struct Ran {
    code: i32,
    pub(crate) text: String,
    pub(crate) messages: String,
}

impl Stage {
    /// A registry on a free port, empty.
    pub(crate) fn new() -> Self {
        Self::serving(tempfile::tempdir().unwrap(), &[])
    }

    /// A registry that keeps nothing for later publication.
    pub(crate) fn forgetful() -> Self {
        Self::serving(tempfile::tempdir().unwrap(), &["--collect-after-s", "0"])
    }

    /// A registry behind TLS, with a certificate for 127.0.0.1 that nobody knows; it is `cert.pem`.
    pub(crate) fn secured() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = |name: &str, text: &str| {
            use std::os::unix::fs::OpenOptionsExt as _;

            let mut options = std::fs::OpenOptions::new();
            let path = folder.path().join(name);
            let file = options.write(true).create_new(true).mode(0o600).open(&path);
            file.unwrap().write_all(text.as_bytes()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let cert = file("cert.pem", &made.cert.pem());
        let key = file("tls.pem", &made.signing_key.serialize_pem());
        Self::serving(folder, &["--tls-cert", &cert, "--tls-key", &key])
    }

    fn serving(folder: tempfile::TempDir, more: &[&str]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0"], more].concat();
        let (registry, mut said) = begin(&folder, &arguments);
        let admin = said("admin_token");
        let url = said("listening");
        Self {
            registry,
            folder,
            url,
            admin,
        }
    }

    /// A registry that takes releases of `acme` signed by `acme.key`, and the folder of a payload,
    /// `exec`, in version 1.0.0.
    pub(crate) fn with_publisher() -> Self {
        let stage = Self::new();
        stage.key("acme", "acme");
        stage.payload("1.0.0", "");
        stage
    }

    /// Makes a pair of keys that may sign for a namespace.
    pub(crate) fn key(&self, name: &str, namespace: &str) {
        self.run(&["keygen", "-o", name]).done();
        let public = format!("{name}.pub");
        self.run(&["key", "add", &public, "--namespace", namespace])
            .done();
    }

    /// Writes the folder of the payload `acme/exec`; `more` goes into its program.
    pub(crate) fn payload(&self, version: &str, more: &str) {
        let recipe = format!("name = \"acme/exec\"\nversion = \"{version}\"\n");
        let settable = "[globals]\nsettable = [\"limit\"]\n";
        self.write("exec/payload.toml", &format!("{recipe}{settable}"));
        self.write("exec/exec.bpf.c", &SOURCE.replace("MORE", more));
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// A path in the folder that `packer` runs in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The registry's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The secret of the first token.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// Runs `packer` as the administrator.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_as(&self.admin, arguments)
    }

    /// Runs `packer` with a token.
    pub(crate) fn run_as(&self, token: &str, arguments: &[&str]) -> Ran {
        let output = self.command(token, arguments).output().unwrap();
        Ran::of(output)
    }

    /// Begins to run `packer` as the administrator.
    pub(crate) fn begin(&self, arguments: &[&str], stdout: Stdio) -> Child {
        let mut command = self.command(&self.admin, arguments);
        command
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn command(&self, token: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::built("packer"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("MARROW_PACKER_CONFIG", "/dev/null")
            .env("MARROW_CACHE_DIR", self.path("cache"))
            .env("MARROW_REGISTRY", &self.url)
            .env("MARROW_TOKEN", token)
            .env_remove("MARROW_CA")
            .stdin(Stdio::null());
        command
    }

    /// Kills the registry, and starts it again where it was.
    pub(crate) fn restart(&mut self) {
        self.registry.kill().unwrap();
        self.registry.wait().unwrap();
        let (_, address) = self.url.split_once("://").unwrap();
        let (registry, mut said) = begin(&self.folder, &["--listen", address]);
        self.registry = registry;
        said("listening");
    }

    /// Runs `packer` with `--json` and gives what it printed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat()).done();
        serde_json::from_str(&ran.text).unwrap_or_else(|error| panic!("{error}: {}", ran.text))
    }
}

/// Starts a registry, and gives what each line says that it says next.
fn begin(
    folder: &tempfile::TempDir,
    arguments: &[&str],
) -> (Child, impl FnMut(&str) -> String + use<>) {
    let journal = folder.path().join("journal");
    let journal = std::fs::File::options()
        .create(true)
        .append(true)
        .open(journal);
    let mut registry = Command::new(programs::built("registry"))
        .args(["--json", "serve", "--data-dir"])
        .arg(folder.path().join("registry"))
        .args(arguments)
        .env("MARROW_REGISTRY_CONFIG", "/dev/null")
        .stdout(Stdio::piped())
        .stderr(journal.unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(registry.stdout.take().unwrap()).lines();
    let said = move |member: &str| {
        let line = lines.next().unwrap().unwrap();
        let document: Value = serde_json::from_str(&line).unwrap();
        let text = document[member].as_str();
        text.unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    (registry, said)
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.registry.kill().unwrap();
        self.registry.wait().unwrap();
        if std::thread::panicking() {
            let journal = std::fs::read_to_string(self.path("journal"));
            println!("the registry's journal:\n{}", journal.unwrap_or_default());
        }
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            text: text(output.stdout),
            messages: text(output.stderr),
        }
    }

    /// Checks that the command did what it was asked to.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.text, self.messages);
        self
    }

    /// Checks the exit code of a failure, and gives what was said.
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.text, self.messages);
        self.messages
    }
}

/// A payload of one program and one settable global.
const SOURCE: &str = r#"
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))
const volatile __u32 limit = 7;
__u64 seen;
SEC("tracepoint/sched/sched_process_exec") int on_exec(void *ctx)
{
	seen += limit;
	MORE
	return 0;
}
char _license[] SEC("license") = "GPL";
"#;
