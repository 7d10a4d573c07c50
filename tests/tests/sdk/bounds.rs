//! Where things end: outputs that are too long, memory that is asked for again and again, traps. And
//! what is in a module at all.

use handler::fault::Fault;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::stage::record;
use super::steps::{Sdk, What, asked, step, ways, ways_in_c};

/// An outcome as the handlers number it.
const LIMITED: u64 = 3;
/// The module that all functions are of which a handler may import.
const HOST: &str = "marrow:handler/host@1.0.0";

#[test]
fn an_output_that_does_not_fit_is_not_put_out_and_is_counted() {
    for way in ways() {
        let mut driven = way.begun();
        let told = asked(&mut driven, What::Long, 0, 100, b"k");
        assert_eq!((told.len(), &told[1]["outcome"]), (2, &0.into()), "{way:?}");
        let told = asked(&mut driven, What::Long, 0, 100_000, b"k");
        assert_eq!(
            (told.len(), &told[0]["outcome"]),
            (1, &LIMITED.into()),
            "{way:?}"
        );
    }
}

#[test]
fn objects_within_each_other_end_at_their_bound() {
    for way in ways_in_c() {
        let mut driven = way.begun();
        let told = asked(&mut driven, What::Deep, 0, 31, b"");
        assert_eq!((told.len(), &told[1]["outcome"]), (2, &0.into()));
        let told = asked(&mut driven, What::Deep, 0, 32, b"");
        assert_eq!((told.len(), &told[0]["outcome"]), (1, &LIMITED.into()));
        driven.tick(1);
        let told = driven.told().log;
        assert!(told[0].1.contains("1 outputs were too long"), "{told:?}");
    }
}

#[test]
fn what_the_node_gives_for_a_call_takes_no_more_memory_the_next_time() {
    for way in ways() {
        let mut driven = way.begun();
        // With 16 MiB of memory, a byte that is kept each time would end this.
        for _ in 0..100 {
            let told = asked(&mut driven, What::Spend, 0, 2_000, b"start");
            assert_eq!(told.last().unwrap()["outcome"], 0, "{way:?}");
        }
    }
}

#[test]
fn a_trap_is_a_fault_that_says_where() {
    for way in ways() {
        let mut driven = way.begun();
        let span = record(&step(What::Trap, 0, 0, b""), 0);
        let fault = driven.try_events("steps", &span).unwrap_err();
        let Fault::Trap { call, reason } = fault else {
            panic!("{way:?}: {fault}");
        };
        let by_itself = driven.walks("steps");
        assert_eq!(call, if by_itself { "on-window" } else { "on-events" });
        let function = match way.sdk {
            Sdk::C => "do_step",
            Sdk::Rust => "on_events",
        };
        assert!(reason.contains(function), "{way:?}: {reason}");
    }
}

#[test]
fn a_module_is_webassembly_1_and_imports_the_contract_alone() {
    for way in ways().into_iter().filter(|way| way.is_module()) {
        let wasm = &way.built().wasm;
        let mut validator = Validator::new_with_features(WasmFeatures::WASM1);
        let mut imports = 0;
        for part in Parser::new(0).parse_all(wasm) {
            let Payload::ImportSection(section) = part.unwrap() else {
                continue;
            };
            for import in section.into_imports() {
                let import = import.unwrap();
                assert_eq!(import.module, HOST, "{way:?}: {}", import.name);
                imports += 1;
            }
        }
        validator.validate_all(wasm).unwrap();
        // All of the contract is used.
        assert_eq!(imports, 16, "{way:?}");
    }
}
