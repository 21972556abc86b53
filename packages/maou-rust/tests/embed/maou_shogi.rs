use crate::check;

#[test]
fn errors_carry_their_place() {
    check(
        "import maou_rust\n\
         try:\n\
         \x20   maou_rust.maou_shogi.canonical_sfen('lnsgkgsnl/9/9/9/9/9/9/9/LNSGKGSNX b - 1')\n\
         except maou_rust.RecordError as error:\n\
         \x20   assert isinstance(error, ValueError)\n\
         \x20   assert (error.path, error.line, error.column) == (None, 1, 33), error.column\n\
         \x20   assert '`X`' in str(error), str(error)\n\
         else:\n\
         \x20   raise AssertionError('expected a RecordError')\n",
    );
}

#[test]
fn records_cross_as_objects() {
    check(
        "from maou_rust import maou_shogi\n\
         format, games, problems = maou_shogi.read_records(b'V2.2\\nPI\\n+\\n+7776FU\\nT3\\n%TORYO\\n')\n\
         assert format == 'csa' and problems == [], problems\n\
         game = games[0]\n\
         assert [int(move) for move in game.moves] == [59 | 60 << 7], game.moves\n\
         assert game.times_ms == (3000,) and game.evals_cp == (None,)\n\
         assert game.result == 1 and game.ending == 'resign'\n\
         assert game.moves[0].usi() == '7g7f'\n",
    );
}
