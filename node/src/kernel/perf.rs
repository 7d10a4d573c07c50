//! Perf buffers, through libbpf. Used by the reader thread. Must never panic in the callback:
//! it is called from C.
#![expect(unsafe_code, reason = "libbpf lends its descriptor as a number")]

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError};

use libbpf_rs::{MapHandle, PerfBuffer, PerfBufferBuilder};

/// Pages of each CPU's buffer; what the predecessor's `perf_buffer_pages` defaulted to.
const PAGES_PER_CPU: usize = 64;

/// Samples taken from the kernel and not handed on yet.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    lost: u64,
}

/// The perf buffers of one map, one a CPU.
pub(crate) struct Perf {
    buffer: PerfBuffer<'static>,
    inbox: Arc<Mutex<Inbox>>,
    read: u64,
}

impl Perf {
    /// Opens a buffer a CPU and puts its perf event into `map`.
    ///
    /// # Errors
    /// What libbpf says.
    pub(crate) fn open(map: &MapHandle) -> io::Result<Self> {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let (samples, losses) = (Arc::clone(&inbox), Arc::clone(&inbox));
        let buffer = PerfBufferBuilder::new(map)
            .pages(PAGES_PER_CPU)
            .sample_cb(move |_cpu, record: &[u8]| {
                let mut inbox = samples.lock().unwrap_or_else(PoisonError::into_inner);
                inbox.bytes.extend_from_slice(record);
                let end = inbox.bytes.len();
                inbox.ends.push(end);
            })
            .lost_cb(move |_cpu, lost| {
                losses.lock().unwrap_or_else(PoisonError::into_inner).lost += lost;
            })
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            buffer,
            inbox,
            read: 0,
        })
    }

    /// Bytes of each CPU's buffer.
    pub(crate) fn size_bytes() -> u64 {
        (PAGES_PER_CPU * super::gate::page_bytes()) as u64
    }

    /// Takes what is there and shows it to `each` with a running number.
    ///
    /// # Errors
    /// What libbpf says.
    pub(crate) fn read(&mut self, mut each: impl FnMut(u64, &[u8])) -> io::Result<u64> {
        self.buffer.consume().map_err(io::Error::other)?;
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let Inbox { bytes, ends, .. } = &mut *inbox;
        let mut from = 0;
        for &end in ends.iter() {
            each(self.read, bytes.get(from..end).unwrap_or_default());
            self.read += 1;
            from = end;
        }
        let records = ends.len() as u64;
        bytes.clear();
        ends.clear();
        Ok(records)
    }

    /// Records the buffers refused since they were opened.
    pub(crate) fn lost(&self) -> u64 {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .lost
    }

    /// Becomes readable when any CPU's buffer does.
    pub(crate) fn epoll_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open as long as `buffer` lives, which the borrow can't outlive.
        unsafe { BorrowedFd::borrow_raw(self.buffer.epoll_fd()) }
    }
}
