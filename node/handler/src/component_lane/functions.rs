//! The host functions as a component calls them: the engine turns arguments into values and back.
//! Linked when a component is compiled. Must never do what the functions behind them do not.

use wasmtime::component::{Linker, LinkerInstance, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::effects::Level;
use crate::grant::Field;
use crate::host::{Host, Process};

type Asked<'a> = StoreContextMut<'a, Host>;

/// Links all functions under the name of the host that a component imports.
pub(super) fn define(linker: &mut Linker<Host>, host: &str) -> Result<()> {
    let mut host = linker.instance(host)?;
    outputs(&mut host)?;
    meters(&mut host)?;
    maps(&mut host)?;
    facts(&mut host)
}

fn outputs(host: &mut LinkerInstance<'_, Host>) -> Result<()> {
    host.func_wrap(
        "log",
        |mut asked: Asked<'_>, (level, message): (Level, WasmStr)| {
            if asked.data_mut().takes_line() {
                let message = message.to_str(&asked)?.into_owned();
                asked.data_mut().log(level, &message);
            }
            Ok(())
        },
    )?;
    host.func_wrap(
        "emit",
        |mut asked: Asked<'_>, (stream, event): (WasmStr, WasmStr)| {
            let mut text = std::mem::take(&mut asked.data_mut().scratch);
            text.clear();
            text.push_str(&stream.to_str(&asked)?);
            let middle = text.len();
            text.push_str(&event.to_str(&asked)?);
            let (stream, event) = text.split_at(middle);
            let done = asked.data_mut().emit(stream, event);
            asked.data_mut().scratch = text;
            Ok((done,))
        },
    )
}

fn meters(host: &mut LinkerInstance<'_, Host>) -> Result<()> {
    host.func_wrap(
        "series",
        |mut asked: Asked<'_>, (metric, labels): (String, Vec<String>)| {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            Ok((asked.data_mut().series(&metric, &labels),))
        },
    )?;
    host.func_wrap("add", |mut asked: Asked<'_>, (series, by): (u32, u64)| {
        Ok(asked.data_mut().add(series, by)?)
    })?;
    host.func_wrap(
        "set",
        |mut asked: Asked<'_>, (series, value): (u32, f64)| {
            Ok(asked.data_mut().set(series, value)?)
        },
    )?;
    host.func_wrap(
        "observe",
        |mut asked: Asked<'_>, (series, value): (u32, f64)| {
            Ok(asked.data_mut().observe(series, value)?)
        },
    )
}

fn maps(host: &mut LinkerInstance<'_, Host>) -> Result<()> {
    host.func_wrap("map-open", |mut asked: Asked<'_>, (name,): (String,)| {
        Ok((asked.data_mut().map_open(&name),))
    })?;
    host.func_wrap(
        "map-lookup",
        |mut asked: Asked<'_>, (map, key): (u32, Vec<u8>)| {
            Ok((asked.data_mut().map_lookup(map, &key),))
        },
    )?;
    host.func_wrap(
        "map-update",
        |mut asked: Asked<'_>, (map, key, value): (u32, Vec<u8>, Vec<u8>)| {
            Ok((asked.data_mut().map_update(map, &key, &value),))
        },
    )?;
    host.func_wrap(
        "map-delete",
        |mut asked: Asked<'_>, (map, key): (u32, Vec<u8>)| {
            Ok((asked.data_mut().map_delete(map, &key),))
        },
    )?;
    host.func_wrap(
        "map-scan",
        |mut asked: Asked<'_>, (map, after, entries_max): (u32, Option<Vec<u8>>, u32)| {
            let found = asked
                .data_mut()
                .map_scan(map, after.as_deref(), entries_max);
            Ok((found,))
        },
    )
}

fn facts(host: &mut LinkerInstance<'_, Host>) -> Result<()> {
    host.func_wrap("now-mono", |asked: Asked<'_>, (): ()| {
        Ok((asked.data().now_mono_ns(),))
    })?;
    host.func_wrap("now-wall", |asked: Asked<'_>, (): ()| {
        Ok((asked.data().now_wall_ns(),))
    })?;
    host.func_wrap("config", |asked: Asked<'_>, (key,): (String,)| {
        Ok((asked.data().config(&key).map(str::to_owned),))
    })?;
    host.func_wrap("layout", |asked: Asked<'_>, (ring,): (u32,)| {
        let fields: Vec<Field> = asked.data().layout(ring).to_vec();
        Ok((fields,))
    })?;
    host.func_wrap("process", |asked: Asked<'_>, (pid,): (u32,)| {
        let found: Option<Process> = asked.data().process(pid);
        Ok((found,))
    })
}
