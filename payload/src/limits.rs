//! Every bound of the payload format, in one table. A reader checks the bound before it allocates;
//! absence of a value never means "unlimited".
//! Used by every decoder and encoder of this crate, and by programs to bound what they receive.
//! Must never hold logic. A bound may grow in a later `format`, never shrink: old payloads stay valid.

/// A whole payload file, bytes: the largest handler and two large objects.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;
/// One BPF object (ELF), bytes. The largest in the field, with DWARF left in, stay under 4 MiB.
pub const OBJECT_BYTES_MAX: usize = 8 << 20;
/// The handler where it is a component, bytes: some languages bring their whole interpreter.
pub const HANDLER_BYTES_MAX: usize = 24 << 20;
/// The handler where it is a core module, bytes.
pub const HANDLER_CORE_BYTES_MAX: usize = 4 << 20;
/// The manifest's JSON, bytes.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Top-level sections of a payload file, the handler's own included.
pub const SECTIONS_MAX: usize = 4096;
/// The name of one top-level custom section, bytes.
pub const SECTION_NAME_BYTES_MAX: usize = 128;

/// A signature envelope, bytes: room for `SIGNATURES_MAX` signatures.
pub const ENVELOPE_BYTES_MAX: usize = 64 << 10;
/// A signed statement after base64, bytes.
pub const STATEMENT_BYTES_MAX: usize = 4 << 10;
/// Signatures in one envelope.
pub const SIGNATURES_MAX: usize = 64;
/// The text of a key id in an envelope, bytes (`sha256:` and 64 digits).
pub const KEY_ID_BYTES_MAX: usize = 71;
/// A key in PEM, bytes. An Ed25519 PKCS#8 key is under 200.
pub const KEY_PEM_BYTES_MAX: usize = 4 << 10;
/// Keys that one node or registry trusts.
pub const TRUSTED_KEYS_MAX: usize = 1024;

/// One part of a payload's name, bytes.
pub const NAME_PART_BYTES_MAX: usize = 63;
/// The name of an instance, bytes: it is a directory name, and part of longer file names.
pub const INSTANCE_NAME_BYTES_MAX: usize = 63;
/// A version, bytes.
pub const VERSION_BYTES_MAX: usize = 64;

/// Objects in one payload: one an architecture.
pub const OBJECTS_MAX: usize = 8;
/// Programs of one object.
pub const PROGRAMS_MAX: usize = 512;
/// Maps of one object.
pub const MAPS_MAX: usize = 512;
/// Global variables of one object.
pub const GLOBALS_MAX: usize = 4096;
/// Maps of one object whose records have a declared struct.
pub const EVENTS_MAX: usize = 256;
/// Imports of a handler.
pub const IMPORTS_MAX: usize = 256;
/// Exports of a handler, those of the SDK included.
pub const EXPORTS_MAX: usize = 1024;
/// Schemas whose state a handler goes on with.
pub const ACCEPTS_MAX: usize = 64;
/// Metrics of a handler.
pub const METRICS_MAX: usize = 128;
/// Labels of a metric.
pub const LABELS_MAX: usize = 8;
/// Buckets of a histogram, that for all above the last bound not counted.
pub const BUCKETS_MAX: usize = 64;
/// Settings of a handler.
pub const CONFIG_MAX: usize = 64;

/// An identifier: program, map, variable, BTF type, bytes. The kernel's `KSYM_NAME_LEN` is 512.
pub const IDENTIFIER_BYTES_MAX: usize = 511;
/// An ELF section name or an attach target, bytes: a uprobe's target holds a path (`PATH_MAX` 4096).
pub const TARGET_BYTES_MAX: usize = 4352;
/// A description, bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4 << 10;
/// A URL, bytes.
pub const URL_BYTES_MAX: usize = 2 << 10;
/// A licence expression, bytes.
pub const LICENSE_BYTES_MAX: usize = 256;
/// The version of a tool or of a WIT world as text, bytes.
pub const TOOL_BYTES_MAX: usize = 256;
/// The name of a metric, of a label or of a handler's setting, bytes.
pub const METRIC_NAME_BYTES_MAX: usize = 63;
/// What a metric means, bytes.
pub const METRIC_HELP_BYTES_MAX: usize = 256;
/// The text of a handler's setting, bytes.
pub const CONFIG_VALUE_BYTES_MAX: usize = 4 << 10;
/// The name of an SDK and its version as text, bytes.
pub const SDK_BYTES_MAX: usize = 64;
/// The section in which a handler says what it was built for, bytes.
pub const ABI_BYTES_MAX: usize = 1 << 10;
/// A global variable's default value, bytes of the value. Larger ones are left out of the manifest.
pub const GLOBAL_DEFAULT_BYTES_MAX: usize = 256;

/// Memory that a handler may ask for beside the windows of rings, bytes, and the least: a page.
pub const HANDLER_MEMORY_BYTES_MAX: u64 = 1 << 30;
/// See [`HANDLER_MEMORY_BYTES_MAX`].
pub const HANDLER_MEMORY_BYTES_MIN: u64 = 64 << 10;
/// The same where nothing is said.
pub const HANDLER_MEMORY_BYTES_DEFAULT: u64 = 16 << 20;
/// Time that a handler may ask for in one call, milliseconds. The rings fill while it runs.
pub const HANDLER_CALL_MS_MAX: u32 = 1_000;
/// The same where nothing is said.
pub const HANDLER_CALL_MS_DEFAULT: u32 = 10;
/// Time for `init` and for `snapshot`, milliseconds.
pub const HANDLER_STATE_MS_MAX: u32 = 10_000;
/// The same where nothing is said.
pub const HANDLER_STATE_MS_DEFAULT: u32 = 100;
/// State of a handler, bytes.
pub const HANDLER_STATE_BYTES_MAX: u32 = 64 << 20;
/// The same where nothing is said.
pub const HANDLER_STATE_BYTES_DEFAULT: u32 = 4 << 20;
/// Outputs of a handler in a second.
pub const HANDLER_EMITS_PER_S_MAX: u32 = 1_000_000;
/// The same where nothing is said.
pub const HANDLER_EMITS_PER_S_DEFAULT: u32 = 10_000;
/// Bytes of these outputs in a second.
pub const HANDLER_EMIT_BYTES_PER_S_MAX: u32 = 256 << 20;
/// The same where nothing is said.
pub const HANDLER_EMIT_BYTES_PER_S_DEFAULT: u32 = 1 << 20;
/// Lines of a handler for the log in a second.
pub const HANDLER_LOG_LINES_PER_S_MAX: u32 = 1_000;
/// The same where nothing is said.
pub const HANDLER_LOG_LINES_PER_S_DEFAULT: u32 = 10;
/// Series of one metric.
pub const METRIC_SERIES_MAX: u32 = 10_000;
/// The same where nothing is said.
pub const METRIC_SERIES_DEFAULT: u32 = 1_000;

/// Bytes of a BTF that are read. The largest kernels have about 10 MB.
pub const BTF_BYTES_MAX: usize = 64 << 20;
/// Types of a BTF; `BTF_MAX_TYPE` of uapi/linux/btf.h.
pub const BTF_TYPES_MAX: usize = 0x000f_ffff;
/// Levels of types within types, pointers not followed. The kernel's own resolver
/// (`MAX_RESOLVE_DEPTH`, kernel/bpf/btf.c) stops at 32; real kernels nest about 20 deep.
pub const BTF_DEPTH_MAX: u8 = 64;
/// One name in a BTF, bytes. The kernel stops at 511; other languages' type names are longer.
pub const BTF_NAME_BYTES_MAX: usize = 4 << 10;
/// A legacy JSON document, bytes: base64 of the largest object, its line breaks escaped twice
/// (inside the wrapper of 2022 they are), and room for names.
pub const LEGACY_JSON_BYTES_MAX: usize = 16 << 20;
/// How deep a legacy JSON document nests. `package.json` of `ecc` needs 8.
pub const LEGACY_JSON_DEPTH_MAX: usize = 32;
/// Values, keys not counted, in a legacy JSON document; a large `package.json` has some thousands.
pub const LEGACY_JSON_VALUES_MAX: usize = 65_536;
/// Variables with a value of their own in a legacy JSON document.
pub const LEGACY_PRESETS_MAX: usize = 256;
/// The text of such a value, bytes.
pub const LEGACY_PRESET_BYTES_MAX: usize = 4 << 10;
/// Names shown in an error that lists what an object has; the rest is a number.
pub const NAMES_SHOWN_MAX: usize = 16;

/// Sections of an ELF file.
pub const ELF_SECTIONS_MAX: usize = 4096;
/// Symbols of an ELF file, those for debugging included.
pub const ELF_SYMBOLS_MAX: usize = 1 << 16;
/// Relocations of an ELF file, those for debugging not counted.
pub const ELF_RELOCATIONS_MAX: usize = 1 << 18;
/// Instructions of an object, eight bytes each: as many as fit.
pub const INSTRUCTIONS_MAX: usize = OBJECT_BYTES_MAX / 8;
/// Functions of an object: programs, and what they call.
pub const FUNCTIONS_MAX: usize = 4096;
/// Functions and calls looked at to find what each program reaches.
pub const CALL_GRAPH_STEPS_MAX: usize = 1 << 22;
/// Fields of one map definition; libbpf knows 12.
pub const MAP_FIELDS_MAX: usize = 32;
/// Types that the values of all maps are made of, counted for each map.
pub const MAP_VALUE_TYPES_MAX: usize = 1 << 18;
/// CO-RE relocations of an object.
pub const CORE_RELOCATIONS_MAX: usize = 1 << 16;
/// The path to a field in a CO-RE relocation, bytes; libbpf follows at most 64 steps.
pub const CORE_ACCESS_BYTES_MAX: usize = 512;
/// Variables of one data section, bytes: the section becomes one value of an array map.
pub const DATA_SECTION_BYTES_MAX: u32 = 64 << 20;
/// Pointers, arrays and qualifiers before the name of a type.
pub const TYPE_NAME_DEPTH_MAX: usize = 32;

/// Fields of one type, those of nested structs included, that are shown beside another's.
pub const LAYOUT_FIELDS_MAX: usize = 256;

/// Fields of one type, those of nested structs included, that are carried into another layout.
pub const MIGRATED_FIELDS_MAX: usize = 4096;
/// The same with every element of an array counted; arrays of bytes count as one.
pub const MIGRATED_STEPS_MAX: u64 = 1 << 20;

/// The struct of an event, bytes. What follows it (a flexible array member) is bounded by the ring.
pub const EVENT_BYTES_MAX: u64 = 1 << 20;
/// Fields of an event, those of nested structs included.
pub const EVENT_FIELDS_MAX: usize = 4096;
/// Names of an event's fields and enumeration values, and the JSON between them, bytes.
pub const EVENT_NAMES_BYTES_MAX: usize = 4 << 20;
/// The longest JSON an event's fixed part can become, bytes.
pub const EVENT_TEXT_BYTES_MAX: u64 = 16 << 20;

/// Numbers of one map's value that are added up over all CPUs.
pub const VALUE_NUMBERS_MAX: usize = 4096;
/// Slots of one histogram.
pub const HISTOGRAM_SLOTS_MAX: u32 = 4096;
/// Histograms in one value or data section.
pub const HISTOGRAMS_MAX: usize = 64;
