//! Outputs: one JSON object each, put together in room that the handler lends. Used by handlers.
//! Must never put out half an object: one that does not fit is refused.

use core::fmt::{self, Write};

use crate::host::{self, lent, Refusal, Small};
use crate::text::{pieces, until_nul};

/// Text that is put together.
#[derive(Debug)]
struct Pen<'a> {
    room: &'a mut [u8],
    length: usize,
    is_cut: bool,
}

impl Write for Pen<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.room.get_mut(self.length..self.length + text.len()) {
            Some(room) if !self.is_cut => {
                room.copy_from_slice(text.as_bytes());
                self.length += text.len();
            }
            _ => self.is_cut = true,
        }
        Ok(())
    }
}

impl Pen<'_> {
    fn put(&mut self, text: &str) {
        // It keeps in mind what did not fit.
        let _ = self.write_str(text);
    }

    fn form(&mut self, form: fmt::Arguments<'_>) {
        let _ = self.write_fmt(form);
    }

    /// Up to NUL, in quotes.
    fn quoted(&mut self, bytes: &[u8]) {
        self.put("\"");
        pieces(until_nul(bytes), |text| self.escaped(text));
        self.put("\"");
    }

    fn escaped(&mut self, mut text: &str) {
        while let Some(at) = text.find(|c: char| c < ' ' || c == '"' || c == '\\') {
            let (plain, rest) = text.split_at(at);
            self.put(plain);
            match rest.as_bytes()[0] {
                byte @ (b'"' | b'\\') => self.form(format_args!("\\{}", byte as char)),
                byte => self.form(format_args!("\\u{byte:04x}")),
            }
            text = &rest[1..];
        }
        self.put(text);
    }

    /// With three decimals at most; null for what JSON has no word for, and beyond 10^15.
    fn number(&mut self, number: f64) {
        if !(number > -1e15 && number < 1e15) {
            return self.put("null");
        }
        // Rounded half away from zero, by hand: `f64::round` needs the standard library.
        let half = if number < 0.0 { -0.5 } else { 0.5 };
        let thousandths = (number * 1000.0 + half) as i64;
        let (whole, part) = (
            thousandths.unsigned_abs() / 1000,
            thousandths.unsigned_abs() % 1000,
        );
        let sign = if thousandths < 0 { "-" } else { "" };
        self.form(format_args!("{sign}{whole}"));
        match part {
            0 => {}
            part if part % 100 == 0 => self.form(format_args!(".{}", part / 100)),
            part if part % 10 == 0 => self.form(format_args!(".{:02}", part / 10)),
            part => self.form(format_args!(".{part:03}")),
        }
    }
}

/// An object that is being written.
#[derive(Debug)]
pub struct Object<'p, 'a> {
    pen: &'p mut Pen<'a>,
    is_followed: bool,
}

/// An array that is being written.
#[derive(Debug)]
pub struct Array<'p, 'a> {
    pen: &'p mut Pen<'a>,
    is_followed: bool,
}

fn comma(pen: &mut Pen<'_>, is_followed: &mut bool) {
    if core::mem::replace(is_followed, true) {
        pen.put(",");
    }
}

macro_rules! values {
    ($(#[$lost:meta])* ($($key:ident: $key_type:ty)?)) => {
        /// Bytes up to NUL, as text.
        pub fn text(&mut self, $($key: $key_type,)? bytes: &[u8]) -> &mut Self {
            self.next($($key)?).quoted(bytes);
            self
        }

        /// Text.
        pub fn str(&mut self, $($key: $key_type,)? text: &str) -> &mut Self {
            self.text($($key,)? text.as_bytes())
        }

        /// A number.
        pub fn u64(&mut self, $($key: $key_type,)? number: u64) -> &mut Self {
            self.next($($key)?).form(format_args!("{number}"));
            self
        }

        /// A number.
        pub fn i64(&mut self, $($key: $key_type,)? number: i64) -> &mut Self {
            self.next($($key)?).form(format_args!("{number}"));
            self
        }

        /// A number, with three decimals at most.
        pub fn f64(&mut self, $($key: $key_type,)? number: f64) -> &mut Self {
            self.next($($key)?).number(number);
            self
        }

        /// Whether something is so.
        pub fn bool(&mut self, $($key: $key_type,)? truth: bool) -> &mut Self {
            self.next($($key)?).put(if truth { "true" } else { "false" });
            self
        }

        /// An object within it.
        pub fn object(
            &mut self,
            $($key: $key_type,)?
            fill: impl FnOnce(&mut Object<'_, '_>),
        ) -> &mut Self {
            let pen = self.next($($key)?);
            pen.put("{");
            fill(&mut Object { pen: &mut *pen, is_followed: false });
            pen.put("}");
            self
        }

        /// An array within it.
        pub fn array(
            &mut self,
            $($key: $key_type,)?
            fill: impl FnOnce(&mut Array<'_, '_>),
        ) -> &mut Self {
            let pen = self.next($($key)?);
            pen.put("[");
            fill(&mut Array { pen: &mut *pen, is_followed: false });
            pen.put("]");
            self
        }
    };
}

impl<'a> Object<'_, 'a> {
    fn next(&mut self, key: &str) -> &mut Pen<'a> {
        comma(self.pen, &mut self.is_followed);
        self.pen.quoted(key.as_bytes());
        self.pen.put(":");
        self.pen
    }

    values!((key: &str));
}

impl<'a> Array<'_, 'a> {
    fn next(&mut self) -> &mut Pen<'a> {
        comma(self.pen, &mut self.is_followed);
        self.pen
    }

    values!(());
}

/// Room for one output after the other.
#[derive(Debug)]
pub struct Output<'a> {
    pen: Pen<'a>,
}

impl<'a> Output<'a> {
    /// In this room.
    pub fn new(room: &'a mut [u8]) -> Self {
        let (length, is_cut) = (0, false);
        Self {
            pen: Pen {
                room,
                length,
                is_cut,
            },
        }
    }

    /// Writes an object; what was there before is forgotten.
    pub fn write(&mut self, fill: impl FnOnce(&mut Object<'_, 'a>)) -> &mut Self {
        self.pen.length = 0;
        self.pen.is_cut = false;
        self.pen.put("{");
        let pen = &mut self.pen;
        fill(&mut Object {
            pen,
            is_followed: false,
        });
        self.pen.put("}");
        self
    }

    /// What was written, unless it did not fit.
    #[must_use]
    pub fn written(&self) -> Option<&[u8]> {
        (!self.pen.is_cut).then(|| &self.pen.room[..self.pen.length])
    }

    /// Emits what was written. It goes to the sinks when the handler's call has returned.
    ///
    /// # Errors
    /// It did not fit in the room, or there were too many in this second.
    pub fn emit(&self, stream: &str) -> Result<(), Refusal> {
        let [event, event_length] = lent(self.written().ok_or(Refusal::Limited)?);
        let [at, length] = lent(stream.as_bytes());
        let mut answer = Small::default();
        // SAFETY: both texts are lent for the call, and the answer has the room of the result.
        unsafe { host::emit(at, length, event, event_length, answer.at()) };
        answer.refusal(0, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_arrays_hold_each_other() {
        let mut room = [0; 256];
        let mut output = Output::new(&mut room);
        output.write(|event| {
            event
                .text("comm", b"a\"b\\\x01\xff\0junk")
                .u64("n", u64::MAX)
                .i64("m", -5);
            event.array("list", |list| {
                list.u64(1).bool(true).array(|_| {});
                list.object(|inner| {
                    inner
                        .f64("x", 0.5)
                        .f64("y", -1.0625)
                        .f64("z", f64::NAN)
                        .f64("w", 7.01);
                });
            });
            event.object("empty", |_| {}).str("end", "ä");
        });
        let expected =
            "{\"comm\":\"a\\\"b\\\\\\u0001\u{fffd}\",\"n\":18446744073709551615,\"m\":-5,\
                        \"list\":[1,true,[],{\"x\":0.5,\"y\":-1.063,\"z\":null,\"w\":7.01}],\
                        \"empty\":{},\"end\":\"ä\"}";
        assert_eq!(output.written(), Some(expected.as_bytes()));
    }

    #[test]
    fn what_does_not_fit_is_not_put_out() {
        let mut room = [0; 8];
        let mut output = Output::new(&mut room);
        assert_eq!(
            output
                .write(|event| {
                    event.u64("long", 1);
                })
                .written(),
            None
        );
        assert_eq!(output.emit("stream"), Err(Refusal::Limited));
        let short = output.write(|event| {
            event.u64("a", 1);
        });
        assert_eq!(short.written(), Some(&b"{\"a\":1}"[..]));
    }
}
