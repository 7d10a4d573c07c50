//! A block device of our own: the only thing that fires a writable tracepoint of ordinary kernels,
//! `nbd_send_request`. Its content is zeros.
//! Must never touch a device that is in use.
#![expect(
    unsafe_code,
    reason = "ioctls of linux/nbd.h, and a read past the page cache"
)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

const DEVICE: &str = "/dev/nbd0";
const SET_SOCK: libc::Ioctl = 0xab00;
const SET_BLKSIZE: libc::Ioctl = 0xab01;
const DO_IT: libc::Ioctl = 0xab03;
const CLEAR_SOCK: libc::Ioctl = 0xab04;
const SET_SIZE_BLOCKS: libc::Ioctl = 0xab07;
const DISCONNECT: libc::Ioctl = 0xab08;

const BLOCK_BYTES: usize = 4096;
const BLOCKS: usize = 1024;
/// How long the device may take until it is there.
const SERVED_WITHIN: Duration = Duration::from_secs(20);
const REPLY_MAGIC: u32 = 0x6744_6698;
const READ: u32 = 0;

/// A device whose requests this process answers.
pub(super) struct Nbd {
    device: File,
    reader: File,
    threads: Vec<JoinHandle<()>>,
    next_block: usize,
}

fn ioctl(device: &File, request: libc::Ioctl, value: libc::c_ulong) -> Result<()> {
    // SAFETY: the requests of linux/nbd.h take a number or a descriptor.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), request, value) };
    ensure!(done >= 0, std::io::Error::last_os_error());
    Ok(())
}

impl Nbd {
    /// Makes the device and answers its requests.
    pub(super) fn new() -> Result<Self> {
        let open = || OpenOptions::new().read(true).write(true).open(DEVICE);
        let device = open().with_context(|| format!("{DEVICE}: is the module nbd there?"))?;
        let (kernel_end, our_end) = UnixStream::pair()?;
        ioctl(&device, SET_BLKSIZE, BLOCK_BYTES as libc::c_ulong)?;
        ioctl(&device, SET_SIZE_BLOCKS, BLOCKS as libc::c_ulong)?;
        let socket = libc::c_ulong::try_from(kernel_end.as_raw_fd())?;
        ioctl(&device, SET_SOCK, socket).context("the device is in use")?;
        let server = std::thread::spawn(move || while answer(&our_end).is_ok() {});
        let serving = device.try_clone()?;
        let waiter = std::thread::spawn(move || {
            // It returns when the device is given up.
            let _ended = ioctl(&serving, DO_IT, 0);
            drop(kernel_end);
        });
        // The size shows once the device is served.
        let begun = Instant::now();
        let mut whole = open()?;
        while whole.seek(SeekFrom::End(0))? == 0 {
            ensure!(begun.elapsed() < SERVED_WITHIN, "{DEVICE} stays empty");
            std::thread::yield_now();
        }
        let reader = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECT)
            .open(DEVICE)?;
        Ok(Self {
            device,
            reader,
            threads: vec![server, waiter],
            next_block: 0,
        })
    }

    /// Reads one block past the page cache: a request.
    pub(super) fn read(&mut self) -> Result<()> {
        #[repr(align(4096))]
        struct Block([u8; BLOCK_BYTES]);
        let mut block = Box::new(Block([1; BLOCK_BYTES]));
        let at = (self.next_block % BLOCKS * BLOCK_BYTES) as u64;
        self.next_block += 1;
        self.reader.read_exact_at(&mut block.0, at)?;
        ensure!(
            block.0.iter().all(|byte| *byte == 0),
            "the block is not zeros"
        );
        Ok(())
    }
}

/// Answers one request.
fn answer(mut socket: &UnixStream) -> Result<()> {
    let mut request = [0; 28];
    socket.read_exact(&mut request)?;
    let word = |at: usize| -> [u8; 4] { std::array::from_fn(|byte| request[at + byte]) };
    ensure!(
        u32::from_be_bytes(word(4)) == READ,
        "only reads are answered"
    );
    let length = usize::try_from(u32::from_be_bytes(word(24)))?;
    let mut reply = REPLY_MAGIC.to_be_bytes().to_vec();
    reply.extend([0; 4]);
    reply.extend(&request[8..16]);
    reply.resize(reply.len() + length, 0);
    socket.write_all(&reply)?;
    Ok(())
}

impl Drop for Nbd {
    fn drop(&mut self) {
        for request in [DISCONNECT, CLEAR_SOCK] {
            // The device may be gone already.
            let _gone = ioctl(&self.device, request, 0);
        }
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}
