//! Decoding of chunked bodies. Owns the grammar of sizes, extensions and trailers and their limits; refuses to own the
//! data, which stays where it is in the input. Invariant: one byte is read one way only, so the same bytes give the
//! same data and the same end (or refusal) however they were cut.

use std::ops::Range;

use crate::field::{is_field_value, is_token_byte};
use crate::{Refusal, RefusalKind};

/// What a chunked body may cost beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// All data together (413).
    pub body_bytes_max: u64,
    /// The extension of one chunk. Nobody needs one; without a limit a peer makes us read forever for one byte of data.
    pub extension_bytes_max: u32,
    /// All extensions of a message together.
    pub extensions_bytes_max: u32,
    /// All trailer lines together, which are dropped.
    pub trailer_bytes_max: u32,
    /// The number of trailer lines.
    pub trailer_lines_max: u32,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: u64::MAX,
            extension_bytes_max: 256,
            extensions_bytes_max: 16 * 1024,
            trailer_bytes_max: 8 * 1024,
            trailer_lines_max: 32,
        }
    }
}

/// What came out of some input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkStep {
    /// `range` of the input is data; go on with the input from `consumed`.
    Data {
        range: Range<usize>,
        consumed: usize,
    },
    /// All of the input is used up, the body goes on.
    NeedMore { consumed: usize },
    /// The body ended; what follows `consumed` belongs to the next message.
    End { consumed: usize },
}

/// Decodes one chunked body.
#[derive(Clone, Debug)]
pub struct ChunkDecoder {
    limits: ChunkLimits,
    state: State,
    /// Of the size that is being read, then of the data that is left.
    remaining: u64,
    digits: u8,
    data_bytes: u64,
    extension_bytes: u32,
    extensions_bytes: u32,
    trailer_bytes: u32,
    trailer_lines: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension(Extension),
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Ended,
    Refused(RefusalKind),
}

/// Where in `;name=value` the extension is. No white space: no sender writes it, and readers differ on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    NameStart,
    Name,
    ValueStart,
    Value,
    Quoted,
    Escaped,
    QuoteEnd,
}

impl ChunkDecoder {
    /// A decoder at the start of a body.
    pub fn new(limits: ChunkLimits) -> Self {
        Self {
            limits,
            state: State::Size,
            remaining: 0,
            digits: 0,
            data_bytes: 0,
            extension_bytes: 0,
            extensions_bytes: 0,
            trailer_bytes: 0,
            trailer_lines: 0,
        }
    }

    /// Whether the body has ended.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The bytes of data so far.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Reads on. A refusal is final, and so is the end: both are answered again to whatever comes.
    pub fn decode(&mut self, input: &[u8]) -> Result<ChunkStep, Refusal> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data if at < input.len() => return Ok(self.take_data(input.len(), at)),
                State::Ended => return Ok(ChunkStep::End { consumed: at }),
                State::Refused(kind) => return Err(kind.into()),
                _ => {}
            }
            let Some(&byte) = input.get(at) else {
                return Ok(ChunkStep::NeedMore { consumed: at });
            };
            self.state = match self.step(byte) {
                Ok(next) => next,
                Err(kind) => State::Refused(kind),
            };
            at += 1;
        }
    }

    fn take_data(&mut self, input_len: usize, at: usize) -> ChunkStep {
        let available = input_len - at;
        let length = usize::try_from(self.remaining).map_or(available, |left| left.min(available));
        self.remaining -= length as u64;
        if self.remaining == 0 {
            self.state = State::DataCr;
        }
        let end = at + length;
        ChunkStep::Data {
            range: at..end,
            consumed: end,
        }
    }

    fn step(&mut self, byte: u8) -> Result<State, RefusalKind> {
        match self.state {
            State::Size => self.size(byte),
            State::Extension(extension) => self.extension(extension, byte),
            State::SizeLf => {
                expect(byte, b'\n', RefusalKind::BadChunkSize)?;
                self.digits = 0;
                self.extension_bytes = 0;
                Ok(if self.remaining == 0 {
                    State::TrailerStart
                } else {
                    State::Data
                })
            }
            State::DataCr => expect(byte, b'\r', RefusalKind::BadChunkEnd).map(|()| State::DataLf),
            State::DataLf => expect(byte, b'\n', RefusalKind::BadChunkEnd).map(|()| State::Size),
            State::TrailerStart if byte == b'\r' => Ok(State::EndLf),
            State::TrailerStart => {
                self.trailer_lines += 1;
                self.trailer(byte, State::TrailerName)
            }
            State::TrailerName if byte == b':' => self.count_trailer(State::TrailerValue),
            State::TrailerName => self.trailer(byte, State::TrailerName),
            State::TrailerValue if byte == b'\r' => self.count_trailer(State::TrailerLf),
            State::TrailerValue if is_field_value(&[byte]) => {
                self.count_trailer(State::TrailerValue)
            }
            State::TrailerValue => Err(RefusalKind::BadTrailer),
            State::TrailerLf => {
                expect(byte, b'\n', RefusalKind::BadTrailer).map(|()| State::TrailerStart)
            }
            State::EndLf => expect(byte, b'\n', RefusalKind::BadTrailer).map(|()| State::Ended),
            State::Data | State::Ended | State::Refused(_) => Ok(self.state),
        }
    }

    fn size(&mut self, byte: u8) -> Result<State, RefusalKind> {
        const DIGITS_MAX: u8 = 16;
        if let Some(digit) = char::from(byte).to_digit(16) {
            if self.digits == DIGITS_MAX {
                return Err(RefusalKind::BadChunkSize);
            }
            self.remaining = (self.remaining << 4) | u64::from(digit);
            self.digits += 1;
            return Ok(State::Size);
        }
        if self.digits == 0 {
            return Err(RefusalKind::BadChunkSize);
        }
        match byte {
            b'\r' => self.end_size(),
            b';' => self.count_extension(Extension::NameStart),
            _ => Err(RefusalKind::BadChunkSize),
        }
    }

    /// The size is known: it counts before a byte of the data is taken.
    fn end_size(&mut self) -> Result<State, RefusalKind> {
        self.data_bytes = self
            .data_bytes
            .checked_add(self.remaining)
            .filter(|&sum| sum <= self.limits.body_bytes_max)
            .ok_or(RefusalKind::BodyTooLarge)?;
        Ok(State::SizeLf)
    }

    fn extension(&mut self, extension: Extension, byte: u8) -> Result<State, RefusalKind> {
        let next = match (extension, byte) {
            (Extension::Name | Extension::Value | Extension::QuoteEnd, b'\r') => {
                return self.end_size();
            }
            (Extension::Name | Extension::Value | Extension::QuoteEnd, b';') => {
                Extension::NameStart
            }
            (Extension::Name, b'=') => Extension::ValueStart,
            (Extension::NameStart | Extension::Name, _) if is_token_byte(byte) => Extension::Name,
            (Extension::ValueStart, b'"') => Extension::Quoted,
            (Extension::ValueStart | Extension::Value, _) if is_token_byte(byte) => {
                Extension::Value
            }
            (Extension::Quoted, b'"') => Extension::QuoteEnd,
            (Extension::Quoted, b'\\') => Extension::Escaped,
            (Extension::Quoted | Extension::Escaped, _) if is_field_value(&[byte]) => {
                Extension::Quoted
            }
            _ => return Err(RefusalKind::BadChunkExtension),
        };
        self.count_extension(next)
    }

    fn count_extension(&mut self, next: Extension) -> Result<State, RefusalKind> {
        self.extension_bytes += 1;
        self.extensions_bytes += 1;
        if self.extension_bytes > self.limits.extension_bytes_max
            || self.extensions_bytes > self.limits.extensions_bytes_max
        {
            return Err(RefusalKind::ChunkExtensionTooLong);
        }
        Ok(State::Extension(next))
    }

    fn trailer(&mut self, byte: u8, next: State) -> Result<State, RefusalKind> {
        if !is_token_byte(byte) {
            return Err(RefusalKind::BadTrailer);
        }
        self.count_trailer(next)
    }

    fn count_trailer(&mut self, next: State) -> Result<State, RefusalKind> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > self.limits.trailer_bytes_max
            || self.trailer_lines > self.limits.trailer_lines_max
        {
            return Err(RefusalKind::TrailersTooLarge);
        }
        Ok(next)
    }
}

fn expect(byte: u8, wanted: u8, refusal: RefusalKind) -> Result<(), RefusalKind> {
    if byte == wanted { Ok(()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests;
