//! The host functions as a core module calls them: arguments lowered, results through a pointer.
//! Linked when a module is compiled. Must never do what the functions behind them do not.

use wasmtime::{Caller, Linker, Result};

use super::frame::{self, Area, Frame};
use super::linear::Linear;
use crate::effects::Level;
use crate::fault::Fault;
use crate::host::Process;

/// Bytes of a `field` of the contract.
const FIELD_BYTES: usize = 16;

/// Links all functions under the name of the host that a module imports.
pub(super) fn define(linker: &mut Linker<Linear>, host: &str) -> Result<()> {
    outputs(linker, host)?;
    meters(linker, host)?;
    maps(linker, host)?;
    facts(linker, host)
}

fn outputs(linker: &mut Linker<Linear>, host: &str) -> Result<()> {
    linker.func_wrap(
        host,
        "log",
        |caller: Caller<'_, Linear>, level: u32, at: u32, bytes: u32| -> Result<()> {
            let mut frame = Frame::enter(caller, "log")?;
            let level = Level::of(level).ok_or_else(|| Fault::Contract {
                call: "log",
                reason: format!("there is no level {level}"),
            })?;
            frame.check("the message", (at, bytes))?;
            if !frame.host().takes_line() {
                return Ok(());
            }
            let message = frame.take("the message", (at, bytes))?;
            let (host, given) = frame.arguments();
            host.log(level, given.text(&message)?);
            Ok(())
        },
    )?;
    linker.func_wrap(
        host,
        "emit",
        |caller: Caller<'_, Linear>, s_at: u32, s_bytes: u32, e_at: u32, e_bytes: u32, to: u32| {
            let mut frame = Frame::enter(caller, "emit")?;
            let stream = frame.take("the stream's name", (s_at, s_bytes))?;
            let event = frame.take("the event", (e_at, e_bytes))?;
            let (host, given) = frame.arguments();
            let done = host.emit(given.text(&stream)?, given.text(&event)?);
            let area = match done {
                Ok(()) => Area::<2>::default(),
                Err(refusal) => Area::refused(refusal, 1),
            };
            frame.done(to, 1, &area)
        },
    )?;
    Ok(())
}

fn meters(linker: &mut Linker<Linear>, host: &str) -> Result<()> {
    linker.func_wrap(
        host,
        "series",
        |caller: Caller<'_, Linear>, m_at: u32, m_bytes: u32, l_at: u32, count: u32, to: u32| {
            let mut frame = Frame::enter(caller, "series")?;
            let metric = frame.take("the metric", (m_at, m_bytes))?;
            let labels = frame.take_list("the labels", (l_at, count))?;
            let (host, given) = frame.arguments();
            let labels: Vec<&str> = labels
                .iter()
                .map(|label| given.text(label))
                .collect::<std::result::Result<_, Fault>>()?;
            let area = match host.series(given.text(&metric)?, &labels) {
                Ok(number) => Area::<8>::default().word(4, number),
                Err(refusal) => Area::refused(refusal, 4),
            };
            frame.done(to, 4, &area)
        },
    )?;
    linker.func_wrap(
        host,
        "add",
        |mut caller: Caller<'_, Linear>, series: u32, value: u64| -> Result<()> {
            Ok(frame::host(&mut caller, "add")?.add(series, value)?)
        },
    )?;
    linker.func_wrap(
        host,
        "set",
        |mut caller: Caller<'_, Linear>, series: u32, value: f64| -> Result<()> {
            Ok(frame::host(&mut caller, "set")?.set(series, value)?)
        },
    )?;
    linker.func_wrap(
        host,
        "observe",
        |mut caller: Caller<'_, Linear>, series: u32, value: f64| -> Result<()> {
            Ok(frame::host(&mut caller, "observe")?.observe(series, value)?)
        },
    )?;
    Ok(())
}

fn maps(linker: &mut Linker<Linear>, host: &str) -> Result<()> {
    linker.func_wrap(
        host,
        "map-open",
        |caller: Caller<'_, Linear>, at: u32, bytes: u32, to: u32| {
            let mut frame = Frame::enter(caller, "map-open")?;
            let name = frame.take("the name", (at, bytes))?;
            let (host, given) = frame.arguments();
            let area = match host.map_open(given.text(&name)?) {
                Ok(number) => Area::<8>::default().word(4, number),
                Err(refusal) => Area::refused(refusal, 4),
            };
            frame.done(to, 4, &area)
        },
    )?;
    linker.func_wrap(host, "map-lookup", map_lookup)?;
    linker.func_wrap(
        host,
        "map-update",
        |caller: Caller<'_, Linear>,
         map: u32,
         k_at: u32,
         k_bytes: u32,
         v_at: u32,
         v_bytes: u32,
         to: u32| {
            let mut frame = Frame::enter(caller, "map-update")?;
            let key = frame.take("the key", (k_at, k_bytes))?;
            let value = frame.take("the value", (v_at, v_bytes))?;
            let (host, given) = frame.arguments();
            let area = match host.map_update(map, given.bytes(&key), given.bytes(&value)) {
                Ok(()) => Area::<2>::default(),
                Err(refusal) => Area::refused(refusal, 1),
            };
            frame.done(to, 1, &area)
        },
    )?;
    linker.func_wrap(
        host,
        "map-delete",
        |caller: Caller<'_, Linear>, map: u32, at: u32, bytes: u32, to: u32| {
            let mut frame = Frame::enter(caller, "map-delete")?;
            let key = frame.take("the key", (at, bytes))?;
            let (host, given) = frame.arguments();
            let area = match host.map_delete(map, given.bytes(&key)) {
                Ok(was_there) => Area::<2>::default().case(1, u8::from(was_there)),
                Err(refusal) => Area::refused(refusal, 1),
            };
            frame.done(to, 1, &area)
        },
    )?;
    linker.func_wrap(host, "map-scan", map_scan)?;
    Ok(())
}

fn map_lookup(caller: Caller<'_, Linear>, map: u32, at: u32, bytes: u32, to: u32) -> Result<()> {
    let mut frame = Frame::enter(caller, "map-lookup")?;
    let key = frame.take("the key", (at, bytes))?;
    let (host, given) = frame.arguments();
    let area = match host.map_lookup(map, given.bytes(&key)) {
        Ok(None) => Area::<16>::default(),
        Ok(Some(value)) => {
            let value = frame.give(&value)?;
            Area::default().case(4, 1).list(8, value)
        }
        Err(refusal) => Area::refused(refusal, 4),
    };
    frame.done(to, 4, &area)
}

fn map_scan(
    caller: Caller<'_, Linear>,
    map: u32,
    has_key: u32,
    at: u32,
    bytes: u32,
    entries_max: u32,
    to: u32,
) -> Result<()> {
    let mut frame = Frame::enter(caller, "map-scan")?;
    let key = match has_key {
        0 => None,
        1 => Some(frame.take("the key", (at, bytes))?),
        kind => {
            let reason = format!("its key is of kind {kind}");
            return Err(Fault::Contract {
                call: "map-scan",
                reason,
            })?;
        }
    };
    let (host, given) = frame.arguments();
    let after = key.as_ref().map(|key| given.bytes(key));
    let area = match host.map_scan(map, after, entries_max) {
        Ok(entries) => {
            let entries = frame.give(&entries)?;
            Area::<12>::default().list(4, entries)
        }
        Err(refusal) => Area::refused(refusal, 4),
    };
    frame.done(to, 4, &area)
}

fn facts(linker: &mut Linker<Linear>, host: &str) -> Result<()> {
    linker.func_wrap(
        host,
        "now-mono",
        |mut caller: Caller<'_, Linear>| -> Result<u64> {
            Ok(frame::host(&mut caller, "now-mono")?.now_mono_ns())
        },
    )?;
    linker.func_wrap(
        host,
        "now-wall",
        |mut caller: Caller<'_, Linear>| -> Result<u64> {
            Ok(frame::host(&mut caller, "now-wall")?.now_wall_ns())
        },
    )?;
    linker.func_wrap(
        host,
        "config",
        |caller: Caller<'_, Linear>, at: u32, bytes: u32, to: u32| {
            let mut frame = Frame::enter(caller, "config")?;
            let key = frame.take("the key", (at, bytes))?;
            let (host, given) = frame.arguments();
            let value = host.config(given.text(&key)?).map(str::to_owned);
            let area = match value {
                None => Area::<12>::default(),
                Some(value) => {
                    let value = frame.give(value.as_bytes())?;
                    Area::default().case(0, 1).list(4, value)
                }
            };
            frame.done(to, 4, &area)
        },
    )?;
    linker.func_wrap(host, "layout", layout)?;
    linker.func_wrap(
        host,
        "process",
        |caller: Caller<'_, Linear>, pid: u32, to: u32| {
            let mut frame = Frame::enter(caller, "process")?;
            let area = match frame.host().process(pid) {
                None => Area::<48>::default(),
                Some(process) => lowered(&mut frame, &process)?,
            };
            frame.done(to, 8, &area)
        },
    )?;
    Ok(())
}

fn layout(caller: Caller<'_, Linear>, ring: u32, to: u32) -> Result<()> {
    let mut frame = Frame::enter(caller, "layout")?;
    let fields = frame.host().layout(ring).to_vec();
    let list = frame.allocate(fields.len() * FIELD_BYTES, 4)?;
    let mut lowered = Vec::with_capacity(fields.len() * FIELD_BYTES);
    for field in &fields {
        let name = frame.give(field.name.as_bytes())?;
        let area = Area::<FIELD_BYTES>::default()
            .list(0, name)
            .word(8, field.offset_bits)
            .word(12, field.size_bits);
        lowered.extend(area.0);
    }
    frame.write(list, &lowered)?;
    let count = u32::try_from(fields.len())?;
    frame.done(to, 4, &Area::<8>::default().list(0, (list.at, count)))
}

/// An `option<process>` that is there.
fn lowered(frame: &mut Frame<'_>, process: &Process) -> Result<Area<48>> {
    let command = frame.give(process.command.as_bytes())?;
    let arguments = frame.give(process.arguments.as_bytes())?;
    let cgroup = frame.give(process.cgroup.as_bytes())?;
    Ok(Area::default()
        .case(0, 1)
        .word(8, process.parent)
        .word(12, process.user)
        .with(16, process.started_ns.to_le_bytes())
        .list(24, command)
        .list(32, arguments)
        .list(40, cgroup))
}
