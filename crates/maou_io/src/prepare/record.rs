//! What travels from replaying to merging: one record of fixed width for each occurrence of a
//! position, already as the side to move sees it.

/// The share of a policy target that is all of it.
pub(crate) const WHOLE_SHARE: u32 = 1 << 31;

/// Marks a record without an eval; no eval of a training set is so small.
const NO_EVAL: i16 = i16::MIN;

/// The width of a record of policy [`Moves`](crate::Policy::Moves), in bytes.
const WIDTH: usize = 48;

/// How the game ended for the side to move.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Score {
    Loss = 0,
    Draw = 1,
    Win = 2,
    Unknown = 3,
}

impl Score {
    /// Of a result as in the games table, for Black (0) or White (1) to move.
    #[inline]
    pub(crate) fn of(result: u8, turn: u8) -> Score {
        match (result, turn) {
            (0, _) => Score::Draw,
            (1, 0) | (2, 1) => Score::Win,
            (1, 1) | (2, 0) => Score::Loss,
            _ => Score::Unknown,
        }
    }
}

/// One occurrence of a position, or one candidate of its search that was not played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record {
    /// Without the color bit.
    pub(crate) key: u64,
    pub(crate) hcp: [u8; 32],
    pub(crate) move16: u16,
    pub(crate) eval_cp: Option<i16>,
    pub(crate) ply: u16,
    pub(crate) score: Score,
    /// Whether the move was played: candidates that were not are no occurrences.
    pub(crate) is_played: bool,
    pub(crate) dataset: u8,
    /// Its part of the policy target, in units of [`WHOLE_SHARE`].
    pub(crate) share: u32,
}

/// How many bytes a record takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Width {
    pub(crate) has_shares: bool,
}

impl Width {
    pub(crate) const MAX: usize = WIDTH + 4;

    pub(crate) fn bytes(self) -> usize {
        if self.has_shares { Width::MAX } else { WIDTH }
    }

    /// Writes a record into the first [`bytes`](Width::bytes).
    #[inline]
    pub(crate) fn write(self, record: &Record, bytes: &mut [u8; Width::MAX]) {
        bytes[..8].copy_from_slice(&record.key.to_le_bytes());
        bytes[8..40].copy_from_slice(&record.hcp);
        bytes[40..42].copy_from_slice(&record.move16.to_le_bytes());
        bytes[42..44].copy_from_slice(&record.eval_cp.unwrap_or(NO_EVAL).to_le_bytes());
        bytes[44..46].copy_from_slice(&record.ply.to_le_bytes());
        bytes[46] = record.dataset;
        bytes[47] = record.score as u8 | u8::from(record.is_played) << 2;
        bytes[48..].copy_from_slice(&record.share.to_le_bytes());
    }
}

/// Records one after the other, as they were written.
#[derive(Clone, Copy)]
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    width: Width,
}

impl<'a> Records<'a> {
    pub(crate) fn new(bytes: &'a [u8], width: Width) -> Records<'a> {
        Records { bytes, width }
    }

    pub(crate) fn len(self) -> usize {
        self.bytes.len() / self.width.bytes()
    }

    #[inline]
    fn at<const N: usize>(self, index: usize, offset: usize) -> &'a [u8; N] {
        let start = index * self.width.bytes() + offset;
        self.bytes[start..].first_chunk().expect("whole records")
    }

    #[inline]
    pub(crate) fn key(self, index: usize) -> u64 {
        u64::from_le_bytes(*self.at(index, 0))
    }

    #[inline]
    pub(crate) fn hcp(self, index: usize) -> &'a [u8; 32] {
        self.at(index, 8)
    }

    #[inline]
    pub(crate) fn move16(self, index: usize) -> u16 {
        u16::from_le_bytes(*self.at(index, 40))
    }

    #[inline]
    pub(crate) fn eval_cp(self, index: usize) -> Option<i16> {
        let eval = i16::from_le_bytes(*self.at(index, 42));
        (eval != NO_EVAL).then_some(eval)
    }

    #[inline]
    pub(crate) fn ply(self, index: usize) -> u16 {
        u16::from_le_bytes(*self.at(index, 44))
    }

    #[inline]
    pub(crate) fn dataset(self, index: usize) -> u8 {
        self.at::<1>(index, 46)[0]
    }

    #[inline]
    pub(crate) fn score(self, index: usize) -> Score {
        [Score::Loss, Score::Draw, Score::Win, Score::Unknown]
            [usize::from(self.at::<1>(index, 47)[0] & 3)]
    }

    #[inline]
    pub(crate) fn is_played(self, index: usize) -> bool {
        self.at::<1>(index, 47)[0] & 4 != 0
    }

    /// Its part of the policy target; records without shares are all of it.
    #[inline]
    pub(crate) fn share(self, index: usize) -> u32 {
        if self.width.has_shares { u32::from_le_bytes(*self.at(index, 48)) } else { WHOLE_SHARE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let record = |key, eval_cp, is_played, share| Record {
            key,
            hcp: [7; 32],
            move16: 7_739,
            eval_cp,
            ply: 300,
            score: Score::Unknown,
            is_played,
            dataset: 200,
            share,
        };
        for has_shares in [false, true] {
            let width = Width { has_shares };
            let share = if has_shares { 5 } else { WHOLE_SHARE };
            let all =
                [record(2, Some(-32_000), true, share), record(u64::MAX - 1, None, false, share)];
            let mut bytes = Vec::new();
            for record in &all {
                let mut buffer = [0; Width::MAX];
                width.write(record, &mut buffer);
                bytes.extend_from_slice(&buffer[..width.bytes()]);
            }
            let records = Records::new(&bytes, width);
            assert_eq!(records.len(), 2);
            for (index, record) in all.iter().enumerate() {
                let found = Record {
                    key: records.key(index),
                    hcp: *records.hcp(index),
                    move16: records.move16(index),
                    eval_cp: records.eval_cp(index),
                    ply: records.ply(index),
                    score: records.score(index),
                    is_played: records.is_played(index),
                    dataset: records.dataset(index),
                    share: records.share(index),
                };
                assert_eq!(found, *record);
            }
        }
    }

    #[test]
    fn scores_are_those_of_the_side_to_move() {
        let all = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)];
        let scores = all.map(|(result, turn)| Score::of(result, turn) as u8);
        assert_eq!(scores, [1, 1, 2, 0, 0, 2, 3, 3]);
    }
}
