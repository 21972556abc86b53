//! What a file is beside a game record: an archive or a table, told by its first bytes.

/// How many of a file's first bytes tell what it is.
pub(crate) const SNIFFED_BYTES: usize = 512;

/// What a file is, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// An archive, or something compressed.
    Archive,
    /// An Arrow IPC File or Stream.
    Arrow,
    /// Anything else; a game record, if all is well.
    Other,
}

const ARCHIVES: [&[u8]; 6] = [
    b"PK\x03\x04",
    // A zip archive without members.
    b"PK\x05\x06",
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    // A zip archive that was made in several parts.
    b"PK\x07\x08",
];

/// Tells what a file is by its first [`SNIFFED_BYTES`], or by all if there are fewer.
pub(crate) fn sniff(first: &[u8]) -> Content {
    let is_bzip2 = || {
        first.starts_with(b"BZh")
            && first.get(3).is_some_and(|level| (b'1'..=b'9').contains(level))
            && first.get(4..10).is_some_and(|magic| {
                // A block, or the end of a stream without any.
                magic == b"1AY&SY" || magic == b"\x17\x72\x45\x38\x50\x90"
            })
    };
    if ARCHIVES.iter().any(|magic| first.starts_with(magic)) || is_bzip2() || is_tar(first) {
        Content::Archive
    } else if first.starts_with(b"ARROW1") || is_arrow_stream(first) {
        Content::Arrow
    } else {
        Content::Other
    }
}

/// A message of an Arrow stream begins with a marker and the length of its metadata.
fn is_arrow_stream(first: &[u8]) -> bool {
    first.starts_with(&[0xff; 4])
        && first.get(4..8).is_some_and(|len| {
            let len = u32::from_le_bytes(len.try_into().expect("four bytes"));
            len % 8 == 0 && (1..1 << 24).contains(&len)
        })
}

/// Whether the block is the header of a member of a tar archive: its checksum tells, since the
/// oldest archives have no magic.
fn is_tar(block: &[u8]) -> bool {
    let Some(block) = block.get(..512) else { return false };
    let field = &block[148..156];
    let digits = field.iter().copied().skip_while(|byte| *byte == b' ');
    let digits = digits.take_while(|byte| (b'0'..=b'7').contains(byte));
    let told = digits.fold(0_u32, |sum, digit| sum * 8 % (1 << 27) + u32::from(digit - b'0'));
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    block[0] != 0 && told == sum(block) - sum(field) + 8 * u32::from(b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_header(magic: &[u8]) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..5].copy_from_slice(b"a.csa");
        block[257..257 + magic.len()].copy_from_slice(magic);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    #[test]
    fn archives_and_tables_are_told_by_their_first_bytes() {
        for archive in [
            b"PK\x03\x04xx".to_vec(),
            b"BZh91AY&SYx".to_vec(),
            tar_header(b"ustar"),
            tar_header(b""),
        ] {
            assert_eq!(sniff(&archive), Content::Archive, "{archive:?}");
        }
        assert_eq!(sniff(b"ARROW1\0\0"), Content::Arrow);
        assert_eq!(sniff(b"\xff\xff\xff\xff\x10\x01\0\0"), Content::Arrow);
        let mut damaged = tar_header(b"ustar");
        damaged[0] = b'b';
        for other in
            [b"V2.2\nN+".to_vec(), b"BZh9 is a player".to_vec(), vec![], vec![0; 512], damaged]
        {
            assert_eq!(sniff(&other), Content::Other, "{other:?}");
        }
        assert_eq!(sniff(b"\xff\xfeV\0"), Content::Other);
    }
}
