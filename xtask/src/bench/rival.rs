//! The servers that `bench pull` compares with, each with its own configuration for one file.
//! Must never use the machine's own configuration of them, nor its places.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::daemon::Process;
use crate::{run, setup};

/// Debian's docker-registry, the reference implementation of the OCI distribution protocol.
pub(super) struct Distribution {
    /// Killed when this value goes: it has no exit code for a signal.
    _process: Process,
    /// Where the blob is.
    pub(super) url: String,
}

impl Distribution {
    /// Starts it and uploads the blob.
    ///
    /// # Errors
    /// When it does not start or refuses the blob.
    pub(super) fn start(folder: &Path, blob: &Path, digest: &str) -> Result<Self> {
        let address = free_address()?;
        let (storage, config) = (folder.join("distribution"), folder.join("distribution.yml"));
        let text = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n  cache:\n    blobdescriptor: inmemory\n\
             http:\n  addr: {address}\n",
            storage.display()
        );
        run::write(&config, text.as_bytes())?;
        let mut command = Command::new(setup::rival("docker-registry")?);
        command.arg("serve").arg(&config);
        let mut process = Process::start("distribution", folder, &mut command)?;
        let root = format!("http://{address}/v2");
        process.until(|| curl(&["-f", &format!("{root}/")]).ok())?;
        let head = curl(&[
            "-f",
            "-i",
            "-X",
            "POST",
            &format!("{root}/blob/blobs/uploads/"),
        ])?;
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .context("docker-registry names no place for the upload")?;
        let location = location.trim();
        let joint = if location.contains('?') { '&' } else { '?' };
        let file = format!("@{}", blob.display());
        curl(&[
            "-f",
            "-X",
            "PUT",
            "-H",
            "Content-Type: application/octet-stream",
            "--data-binary",
            &file,
            &format!("{location}{joint}digest={digest}"),
        ])?;
        Ok(Self {
            _process: process,
            url: format!("{root}/blob/blobs/{digest}"),
        })
    }
}

/// nginx, which hands a file to the socket without copying it.
pub(super) struct Nginx {
    process: Process,
    /// Where the blob is.
    pub(super) url: String,
}

impl Nginx {
    /// Starts it with as many workers as there are cores.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(folder: &Path, blob: &Path) -> Result<Self> {
        let address = free_address()?;
        let root = folder.join("nginx");
        std::fs::create_dir_all(&root)?;
        std::fs::copy(blob, root.join("blob"))?;
        let place = |name: &str| folder.join(name).display().to_string();
        let config = folder.join("nginx.conf");
        // Workers run as the user that starts them: the folder is open to nobody else.
        let text = format!(
            "daemon off;\nuser {};\nworker_processes auto;\npid {};\nerror_log {} crit;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000;\n\
             open_file_cache max=16;\n  client_body_temp_path {};\n  proxy_temp_path {};\n\
             fastcgi_temp_path {};\n  uwsgi_temp_path {};\n  scgi_temp_path {};\n\
             server {{ listen {address}; root {}; }}\n}}\n",
            run::captured(&mut run::command("whoami"))?.trim(),
            place("nginx.pid"),
            place("nginx-error.log"),
            place("nginx-body"),
            place("nginx-proxy"),
            place("nginx-fastcgi"),
            place("nginx-uwsgi"),
            place("nginx-scgi"),
            root.display()
        );
        run::write(&config, text.as_bytes())?;
        let mut command = Command::new(setup::rival("nginx")?);
        command.arg("-e").arg(place("nginx-error.log"));
        command.arg("-c").arg(&config);
        let mut process = Process::start("nginx", folder, &mut command)?;
        let url = format!("http://{address}/blob");
        process.until(|| curl(&["-f", "-I", &url]).ok())?;
        Ok(Self { process, url })
    }

    pub(super) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// An address on loopback that nobody listens at.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn curl(args: &[&str]) -> Result<String> {
    run::captured(run::command("curl").arg("-sS").args(args))
}
