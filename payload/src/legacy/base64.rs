//! Base64 as the legacy JSON carries it: standard alphabet, white space anywhere, padding whole or
//! absent. Writes lines of 72 characters, as the predecessor did.
//! Called by the readers of the generations and by the writer.
//! Must never skip a character that is not white space: the predecessor did, and decoded garbage.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::error::Rule;

/// Characters of a line that the predecessor's encoder wrote.
const LINE_CHARACTERS: usize = 72;
/// Bytes that fill one line.
const LINE_BYTES: usize = LINE_CHARACTERS / 4 * 3;

const PADDED: GeneralPurpose = engine(DecodePaddingMode::RequireCanonical);
const UNPADDED: GeneralPurpose = engine(DecodePaddingMode::RequireNone);

const fn engine(padding: DecodePaddingMode) -> GeneralPurpose {
    // Bits after the last byte must be 0: else two texts would mean the same bytes.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(false)
        .with_decode_padding_mode(padding);
    GeneralPurpose::new(&STANDARD, config)
}

/// The bytes that the text stands for.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Rule> {
    let mut characters = Vec::with_capacity(text.len());
    let mut padding = 0;
    for (index, character) in text.chars().enumerate() {
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' | '=' => {
                padding += usize::from(character == '=');
                // All of the alphabet is ASCII.
                characters.push(character as u8);
            }
            other => {
                return Err(Rule::NotBase64 {
                    at: index + 1,
                    found: format!("{other:?}"),
                });
            }
        }
    }
    let engine = if padding > 0 { PADDED } else { UNPADDED };
    engine.decode(&characters).map_err(|error| {
        let reason = reason(&error);
        Rule::BrokenBase64 {
            characters: characters.len(),
            padding,
            reason,
        }
    })
}

fn reason(error: &base64::DecodeError) -> &'static str {
    match error {
        base64::DecodeError::InvalidByte(..) => "`=` stands inside",
        base64::DecodeError::InvalidLength(_) => "one character is left over",
        base64::DecodeError::InvalidLastSymbol { .. } => {
            "the last character has bits that no byte takes"
        }
        base64::DecodeError::InvalidPadding => "there must be as many `=` as fill up four, or none",
    }
}

/// The text of `bytes` in lines of 72 characters, each ended by `\n`, the last one too.
pub(super) fn encode_lines(bytes: &[u8]) -> String {
    let characters = bytes.len().div_ceil(3) * 4;
    let mut text = String::with_capacity(characters + characters / LINE_CHARACTERS + 1);
    for line in bytes.chunks(LINE_BYTES) {
        PADDED.encode_string(line, &mut text);
        text.push('\n');
    }
    text
}
