//! The kernel's TCP table as text, for kernels without `CONFIG_INET_DIAG`.
//! Called by the look-up of a socket's owner. Layout: `Documentation/networking/proc_net_tcp.rst`.
//! Must never read more than the bound: any user can make the table long.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::owner::{Ends, Shown, unmapped};

/// Rows of 150 bytes for about 200,000 sockets.
const TABLE_BYTES_MAX: u64 = 32 << 20;

/// The socket with exactly these ends. An IPv4 connection may be held by an IPv6 socket.
///
/// # Errors
/// The table can't be read.
pub(super) fn find(ends: Ends) -> io::Result<Option<Shown>> {
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = match File::open(path) {
            Ok(table) => table,
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.ends_with('6') => {
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Some(shown) = find_in(ends, BufReader::new(table.take(TABLE_BYTES_MAX)))? {
            return Ok(Some(shown));
        }
    }
    Ok(None)
}

fn find_in(ends: Ends, table: impl BufRead) -> io::Result<Option<Shown>> {
    for line in table.lines() {
        let shown = row(&line?);
        if shown.is_some_and(|shown| shown.ends == ends) {
            return Ok(shown);
        }
    }
    Ok(None)
}

/// One row; `None` for the heading and for anything that is not a row.
fn row(line: &str) -> Option<Shown> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some(Shown {
        ends: Ends { local, remote },
        state,
        uid,
        inode,
    })
}

/// `0100007F:214F`: words of the address in the machine's byte order, the port as a number.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let digits = ip.get(index * 8..index * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut octets = [0; 16];
            for index in 0..4 {
                octets[index * 4..index * 4 + 4].copy_from_slice(&word(index)?);
            }
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(unmapped(SocketAddr::new(ip, port)))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
0: 0100007F:214F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0 100 0 0 10 0\n   \
1: 0100007F:0FA0 0100007F:214F 01 00000000:00000000 00:00000000 00000000  1000        0 2222 1 0 20 4 30 10 -1\n   \
2: 0100007F:0FA1 0100007F:214F 06 00000000:00000000 03:00000176 00000000     0        0 0 3 0\n";

    fn ends(port: u16) -> Ends {
        Ends {
            local: SocketAddr::new([127, 0, 0, 1].into(), port),
            remote: "127.0.0.1:8527".parse().unwrap(),
        }
    }

    #[test]
    fn the_row_with_both_ends_is_found() {
        let shown = find_in(ends(4000), TABLE.as_bytes()).unwrap().unwrap();
        assert_eq!((shown.state, shown.uid, shown.inode), (1, 1000, 2222));
        let orphan = find_in(ends(4001), TABLE.as_bytes()).unwrap().unwrap();
        assert_eq!((orphan.state, orphan.uid, orphan.inode), (6, 0, 0));
        assert_eq!(find_in(ends(4002), TABLE.as_bytes()).unwrap(), None);
    }

    #[test]
    fn an_ipv4_connection_of_an_ipv6_socket_is_found() {
        let row = "   7: 0000000000000000FFFF00000100007F:0FA0 0000000000000000FFFF00000100007F:214F \
                   01 00000000:00000000 00:00000000 00000000    33        0 4444 1 0\n";
        assert_eq!(
            find_in(ends(4000), row.as_bytes()).unwrap().unwrap().uid,
            33
        );
    }

    #[test]
    fn what_is_no_row_is_passed_over() {
        for text in [
            "",
            "x",
            " 0: 0100007F:214F",
            " 0: é:1 x:2 01",
            " 0: 0100007F 0100007F 01",
        ] {
            assert_eq!(
                find_in(ends(4000), text.as_bytes()).unwrap(),
                None,
                "{text:?}"
            );
        }
    }
}
