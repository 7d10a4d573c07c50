//! The largest BTF there is: the running kernel's own. Says so where the kernel has none.

use payload::btf::{Btf, Kind, Type};

#[test]
fn the_running_kernels_btf_is_read_and_found_by_name() {
    let path = "/sys/kernel/btf/vmlinux";
    let Ok(bytes) = std::fs::read(path) else {
        println!("not run: this kernel has no {path}");
        return;
    };
    let begun = std::time::Instant::now();
    let btf = Btf::parse(bytes).unwrap();
    let parsed = begun.elapsed();
    let task = btf.find(Kind::Struct, "task_struct").unwrap();
    println!(
        "{} types: parsed in {parsed:?}, first name after {:?}",
        btf.types(),
        begun.elapsed()
    );
    let Type::Struct(task_struct) = btf.type_at(task) else {
        panic!()
    };
    assert!(task_struct.members().any(|member| member.name == "pid"));
    assert!(btf.size_of(task).unwrap() > 1000);
    let function = btf.find(Kind::Func, "do_exit").unwrap();
    assert!(matches!(btf.type_at(function), Type::Func { .. }));
}
