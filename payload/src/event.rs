//! Events: records that a program emits, turned into JSON by the struct that its BTF
//! describes; keys, values and variables likewise, by their type. Called by the node for every
//! record, so it allocates nothing there.
//! Must never read outside of a record, nor write half an event.

mod error;
mod layout;
mod numbers;
mod ops;
mod pen;
mod rule;
mod text;
mod tree;

pub use error::{DecoderError, Malformed};
pub use numbers::Numbers;

use crate::btf::{Btf, TypeId};
use ops::{Compiler, Ops};
use pen::Pen;
use tree::Value;

/// Decodes records of one struct, or values of one type.
///
/// | in the struct | in the JSON |
/// |---|---|
/// | integers up to 64 bits, bit fields | numbers |
/// | `__int128` | decimal text: most readers would round the number |
/// | `_Bool` | `true`, `false` |
/// | `float`, `double` | numbers; `"NaN"`, `"Infinity"`, `"-Infinity"` |
/// | enumerations | the value's name as text, the number if it has none |
/// | pointers | `"0x…"` |
/// | `char`, `char[]` | text up to NUL; invalid UTF-8 becomes U+FFFD |
/// | `unsigned char[]` (`u8[]`) | two hex digits a byte as text; text if called `comm`, `name`, `filename`, `fname`, `pathname`, `path` or `…_` and one of these |
/// | other arrays, of any dimension | arrays |
/// | structs | objects; members of anonymous ones stand beside the others |
/// | unions | objects with all members |
/// | 4 or 16 unsigned bytes whose name ends in the word `addr`, `saddr`, `daddr`, `laddr`, `raddr`, `ipaddr`, `ip`, `sip` or `dip`, before `4`, `6`, `v4`, `_v6`, …; `struct in_addr`, `struct in6_addr` | an IPv4 or IPv6 address (the record holds it in network order) |
///
/// A tag on a member overrides what its type and name say, for arrays in each element:
/// `__attribute__((btf_decl_tag("marrow:ipv4")))`, or `ipv6`, `text`, `words` (NUL-separated, an
/// array of texts), `hex`, `number` (plain numbers, of an enumeration, an address or each byte).
/// Tags of histograms, `log2` and `linear:STEP`, say what an array counts and change nothing here.
///
/// The last member of a struct may be longer or shorter in the record than declared: a flexible
/// array takes what the record has; a `char` array may end with the record, because programs often
/// send only the used part of a long text. Padding behind the last field is not asked for.
#[derive(Clone, Debug)]
pub struct Decoder {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// No BTF: the bytes as they are.
    Raw,
    Typed {
        json: Ops,
        needed: usize,
    },
}

impl Decoder {
    /// A decoder for records of the struct or union `id`, typedefs followed.
    ///
    /// # Errors
    /// When the type is no struct, has fields without size or outside of it, carries a tag
    /// `marrow:…` that is unknown or does not fit, or exceeds a limit.
    pub fn new(btf: &Btf, id: TypeId) -> Result<Decoder, DecoderError> {
        let fields = layout::lay_out(btf, id)?;
        let mut compiler = Compiler::new(btf);
        compiler.object(&fields)?;
        Ok(Decoder::typed(compiler.finish()?, &Value::Object(fields)))
    }

    /// A decoder for a key, a value or a variable of any type, and where its numbers are, if it
    /// consists of numbers. What it is called may tell how it is shown, as the name of a field does.
    ///
    /// # Errors
    /// As [`Decoder::new`]; any type that has a size will do.
    pub fn of_type(
        btf: &Btf,
        id: TypeId,
        name: &str,
    ) -> Result<(Decoder, Option<Numbers>), DecoderError> {
        let value = layout::lay_out_type(btf, id, name)?;
        let mut compiler = Compiler::new(btf);
        compiler.value(&value)?;
        let decoder = Decoder::typed(compiler.finish()?, &value);
        Ok((decoder, Numbers::of(&value)))
    }

    fn typed(json: Ops, value: &Value) -> Decoder {
        // Types are bounded far below 4 GiB.
        let needed = usize::try_from(value.needed()).unwrap_or(usize::MAX);
        Decoder {
            form: Form::Typed { json, needed },
        }
    }

    /// A decoder for records that nothing is known about: `{"raw":"<two hex digits a byte>"}`.
    #[must_use]
    pub fn raw() -> Decoder {
        Decoder { form: Form::Raw }
    }

    /// Appends one JSON object to `out` (for a type that is no struct: one JSON value), without a
    /// newline.
    ///
    /// # Errors
    /// When the record is too short for the struct; `out` is then as it was before.
    pub fn write_json(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut pen = Pen::new(out);
        let (written, needed) = match &self.form {
            Form::Raw => {
                pen.put(b"{\"raw\":");
                text::hex(record, &mut pen);
                pen.byte(b'}');
                (Some(()), 0)
            }
            Form::Typed { needed, .. } if record.len() < *needed => (None, *needed),
            Form::Typed { json, needed, .. } => (json.run(record, &mut pen), *needed),
        };
        if written.is_some() {
            pen.end();
            return Ok(());
        }
        pen.undo();
        Err(Malformed {
            bytes: record.len(),
            needed,
        })
    }
}
