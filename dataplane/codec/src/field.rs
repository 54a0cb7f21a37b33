//! Writing heads, and checking what is written. Owns the validity of names and values, and the writers of lines; refuses
//! to own the choice of what is sent. Invariant: no value that came from a service or an upstream can end a line.

mod block;
mod write;

pub use block::{FieldBlock, FieldError, copy_field_block};
pub use write::{
    CHUNK_END, reason, write_chunk_head, write_content_length, write_end, write_field,
    write_number, write_request_line, write_status_line,
};

/// Whether `byte` may stand in a token (RFC 9110 5.6.2).
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    const TOKEN: [bool; 256] = token_table();
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Whether `name` is a token, as field names and methods must be.
pub fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| is_token_byte(byte))
}

/// Whether `value` holds only what a field value may: tab, space, visible ASCII and bytes from 0x80.
pub fn is_field_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "a u8 cannot leave a table of 256")]
        {
            table[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

#[cfg(test)]
mod tests;
