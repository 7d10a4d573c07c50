//! Events as rows of a table: a column for each field, the same values as in the JSON.

use payload::event::{Cells, Decoder, Malformed};

use crate::fields::Record;
use crate::of_fixture;

#[test]
fn columns_are_the_paths_of_the_fields_and_numbers_are_marked() {
    let (btf, id) = of_fixture("exec");
    let decoder = Decoder::new(&btf, id).unwrap();
    let columns: Vec<(&str, bool)> = decoder
        .columns()
        .iter()
        .map(|column| (column.name.as_str(), column.number))
        .collect();
    let expected = [
        ("ts", true),
        ("pid", true),
        ("ppid", true),
        ("uid", true),
        ("action", false),
        ("code", true),
        ("comm", false),
        ("filename", false),
    ];
    assert_eq!(columns, expected);
    let (btf, id) = of_fixture("nested");
    let nested = Decoder::new(&btf, id).unwrap();
    let names: Vec<&str> = nested
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert!(
        names.starts_with(&["one.x", "one.y", "many", "matrix"]),
        "{names:?}"
    );
    assert!(names.ends_with(&["either.number", "either.bytes", "code", "low", "high"]));
}

#[test]
fn a_row_has_a_cell_for_each_column_without_quotes() {
    let (btf, id) = of_fixture("exec");
    let decoder = Decoder::new(&btf, id).unwrap();
    let record = Record::of(172)
        .at(8, &[7])
        .at(20, &[2])
        .at(28, b"a\"b\\c\x1b")
        .at(44, b"/bin/x");
    let mut cells = Cells::default();
    for _ in 0..2 {
        decoder.write_cells(&record.0, &mut cells).unwrap();
        let row: Vec<&str> = cells.iter().collect();
        let expected = [
            "0",
            "7",
            "0",
            "0",
            "ACTION_EXIT",
            "0",
            "a\"b\\c\\u001b",
            "/bin/x",
        ];
        assert_eq!(row, expected);
    }
}

#[test]
fn arrays_are_one_cell_of_json() {
    let (btf, id) = of_fixture("nested");
    let decoder = Decoder::new(&btf, id).unwrap();
    let mut cells = Cells::default();
    decoder.write_cells(&[0; 72], &mut cells).unwrap();
    let row: Vec<&str> = cells.iter().collect();
    assert_eq!(row.len(), decoder.columns().len());
    assert_eq!(row[2], r#"[{"x":0,"y":0},{"x":0,"y":0},{"x":0,"y":0}]"#);
    assert_eq!(row[4], r#"["",""]"#);
}

#[test]
fn a_malformed_record_leaves_no_cells() {
    let (btf, id) = of_fixture("fields");
    let decoder = Decoder::new(&btf, id).unwrap();
    let mut cells = Cells::default();
    decoder.write_cells(&[1; 16], &mut cells).unwrap();
    let error = decoder.write_cells(&[1; 15], &mut cells).unwrap_err();
    assert_eq!(
        error,
        Malformed {
            bytes: 15,
            needed: 16
        }
    );
    assert_eq!(cells.iter().count(), 0);
}

#[test]
fn without_btf_the_only_column_is_hex() {
    let decoder = Decoder::raw();
    assert_eq!(decoder.columns()[0].name, "raw");
    let mut cells = Cells::default();
    decoder.write_cells(&[1, 2], &mut cells).unwrap();
    assert_eq!(cells.iter().collect::<Vec<_>>(), ["0102"]);
}
