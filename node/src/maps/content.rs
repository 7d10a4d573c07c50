//! The answer to "what is in this map": read, summed over CPUs, sorted, cut to what was asked for.
//! Called through `maps`.
//! Must never hold more than `entries::BYTES_READ_MAX` of content and twice `TEXT_BYTES_MAX` of
//! JSON.

use std::cmp::Reverse;
use std::io;

use api::node::{Entry, Histogram, MapContent, Order, RingPositions, Scale as ShownScale};
use payload::histogram::{Declared, Histograms, Scale, Slots};
use payload::limits::HISTOGRAM_SLOTS_MAX;
use payload::object::{Map, Variable};
use serde_json::value::to_raw_value;

use super::part::Part;
use super::way::{Values, Way, way};
use super::{Ask, Generation, NothingToDraw, describe, is_per_cpu};
use crate::kernel::entries::{OpenMap, Read, Reads};

/// Bytes of JSON of all entries of an answer; what is behind them is told as truncated.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// What is in a map.
///
/// # Errors
/// Where a histogram is asked for and there are no counts.
pub(crate) fn content(
    generation: &Generation<'_>,
    map: &Map,
    ask: Ask,
) -> Result<MapContent, NothingToDraw> {
    let open = OpenMap::of(generation.loaded, map);
    let mut answer = MapContent {
        instance: generation.instance.to_owned(),
        generation: generation.number,
        map: describe(generation, map, open.as_ref().ok()),
        entries: Vec::new(),
        order: Order::Place,
        entries_read: 0,
        truncated: false,
        histogram: None,
        ring: None,
        undecoded: Vec::new(),
    };
    let nothing_to_draw = NothingToDraw {
        map: map.name.clone(),
    };
    let Ok(open) = open else {
        return if ask.wish.is_some() {
            Err(nothing_to_draw)
        } else {
            Ok(answer)
        };
    };
    let reader = Reader {
        generation,
        map,
        ask,
    };
    let read = match way(map) {
        Way::Entries(values) => reader.entries(&open, values, &mut answer),
        Way::Variables => reader.variables(&open, &mut answer),
        Way::Peek => reader.peek(&open, &mut answer),
        Way::Ring => ring(&open, map, &mut answer),
        Way::Closed(_) => Ok(false),
    };
    match read {
        Ok(false) if ask.wish.is_some() => return Err(nothing_to_draw),
        Ok(_) => {}
        Err(error) => {
            answer.map.unreadable = Some(format!("the kernel does not let it be read: {error}"));
        }
    }
    Ok(answer)
}

fn ring(open: &OpenMap, map: &Map, answer: &mut MapContent) -> io::Result<bool> {
    let (consumer, producer) = open.positions()?;
    answer.ring = Some(RingPositions {
        size_bytes: map.max_entries.into(),
        consumer,
        producer,
    });
    Ok(false)
}

/// An entry that was read, before it is JSON.
struct Ranked {
    read: Read,
    /// The one value, or the sum over all CPUs where there is one.
    value: Option<Vec<u8>>,
    histograms: Vec<Histogram>,
    rank: Option<i128>,
}

struct Reader<'r> {
    generation: &'r Generation<'r>,
    map: &'r Map,
    ask: Ask,
}

/// Each of these says whether there was a histogram.
impl Reader<'_> {
    fn entries(&self, open: &OpenMap, values: Values, answer: &mut MapContent) -> io::Result<bool> {
        let btf = self.generation.object.btf.as_ref();
        let (key, why_not_key) = Part::key(btf, self.map);
        let (value, why_not_value) = Part::value(btf, self.map, values);
        answer
            .undecoded
            .extend(why_not_key.into_iter().chain(why_not_value));
        let histograms = match btf {
            Some(btf) if values == Values::Typed => {
                Declared::of(btf).in_map(self.map, self.ask.wish)
            }
            _ => Histograms::Within(Vec::new()),
        };
        let slots = match &histograms {
            Histograms::Within(slots) => slots.as_slice(),
            Histograms::ByKey { .. } => &[],
        };
        let Reads { entries, truncated } = open.read()?;
        answer.truncated = truncated;
        answer.entries_read = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let ranked = entries
            .into_iter()
            .map(|read| self.rank(read, &value, slots));
        let mut ranked: Vec<Ranked> = ranked.collect();
        ranked.sort_by(|one, other| {
            let of = |entry: &Ranked| key.number(&entry.read.key);
            (of(one), &one.read.key).cmp(&(of(other), &other.read.key))
        });
        answer.order = Order::Key;
        if let Histograms::ByKey { scale, unit } = histograms {
            answer.histogram = by_key(&ranked, &key, scale, unit);
        } else if !ranked.is_empty() && ranked.iter().all(|entry| entry.rank.is_some()) {
            answer.order = Order::Value;
            ranked.sort_by_key(|entry| Reverse(entry.rank));
        }
        let drawn = answer.histogram.is_some() || !slots.is_empty();
        self.write(ranked, |entry| (Some(key.json(&entry.key)), &value), answer);
        Ok(drawn)
    }

    fn peek(&self, open: &OpenMap, answer: &mut MapContent) -> io::Result<bool> {
        let btf = self.generation.object.btf.as_ref();
        let (value, why_not) = Part::value(btf, self.map, Values::Typed);
        answer.undecoded.extend(why_not);
        let reads = open.peek()?;
        answer.entries_read = u64::try_from(reads.entries.len()).unwrap_or(u64::MAX);
        let ranked = reads
            .entries
            .into_iter()
            .map(|read| self.rank(read, &value, &[]));
        self.write(ranked.collect(), |_| (None, &value), answer);
        Ok(false)
    }

    fn variables(&self, open: &OpenMap, answer: &mut MapContent) -> io::Result<bool> {
        let object = self.generation.object;
        let section = open.read()?.entries.pop();
        let section = section.and_then(|mut entry| entry.values.pop());
        let section = section.ok_or_else(|| io::Error::other("its one value is too large"))?;
        let mut variables = object.variables(self.map);
        if variables.is_empty() {
            // Texts of the source, which have no names.
            variables.push(Variable {
                name: String::new(),
                offset: 0,
                bytes: u64::try_from(section.len()).unwrap_or(u64::MAX),
                type_id: None,
            });
        }
        answer.entries_read = u64::try_from(variables.len()).unwrap_or(u64::MAX);
        let declared = object.btf.as_ref().map(Declared::of);
        let mut drawn = false;
        let mut text_bytes = 0;
        for variable in variables.iter().take(self.ask.limit.unwrap_or(usize::MAX)) {
            let slots = declared.as_ref().zip(variable.type_id);
            let slots =
                slots.map(|(declared, of)| declared.in_variable(&variable.name, of, self.ask.wish));
            let entry = self.variable(variable, &section, &slots.unwrap_or_default(), answer);
            drawn |= !entry.histograms.is_empty();
            text_bytes += length(&entry);
            if text_bytes > TEXT_BYTES_MAX {
                answer.truncated = true;
                break;
            }
            answer.entries.push(entry);
        }
        Ok(drawn)
    }

    fn variable(
        &self,
        variable: &Variable,
        section: &[u8],
        slots: &[Slots],
        answer: &mut MapContent,
    ) -> Entry {
        let from = usize::try_from(variable.offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(variable.bytes).unwrap_or(usize::MAX));
        let bytes = section.get(from..to).unwrap_or_default();
        let name = variable.name.as_str();
        let btf = self.generation.object.btf.as_ref();
        let (part, why_not) = match btf.zip(variable.type_id) {
            Some((btf, of)) => Part::typed(btf, of, name, name),
            None => (Part::Hex, None),
        };
        answer.undecoded.extend(why_not);
        Entry {
            key: to_raw_value(name).ok(),
            value: Some(part.json(bytes)),
            cpus: Vec::new(),
            histograms: histograms(slots, &[bytes]),
        }
    }

    fn rank(&self, mut read: Read, part: &Part, slots: &[Slots]) -> Ranked {
        let values: Vec<&[u8]> = read.values.iter().map(Vec::as_slice).collect();
        let histograms = histograms(slots, &values);
        let value = if is_per_cpu(self.map.kind) {
            part.numbers().and_then(|numbers| numbers.sum(values))
        } else {
            read.values.pop()
        };
        let counted = |histogram: &Histogram| histogram.slots.iter().map(|n| i128::from(*n)).sum();
        let rank = value.as_deref().and_then(|value| part.number(value));
        Ranked {
            rank: rank.or_else(|| histograms.first().map(counted)),
            read,
            value,
            histograms,
        }
    }

    /// Turns entries into JSON, as many as were asked for and have room.
    fn write<'p>(
        &self,
        ranked: Vec<Ranked>,
        parts: impl Fn(&Read) -> (Option<Box<serde_json::value::RawValue>>, &'p Part),
        answer: &mut MapContent,
    ) {
        let mut text_bytes = 0;
        for entry in ranked
            .into_iter()
            .take(self.ask.limit.unwrap_or(usize::MAX))
        {
            let (key, part) = parts(&entry.read);
            let entry = Entry {
                key,
                value: entry.value.map(|value| part.json(&value)),
                cpus: entry
                    .read
                    .values
                    .iter()
                    .map(|value| part.json(value))
                    .collect(),
                histograms: entry.histograms,
            };
            text_bytes += length(&entry);
            if text_bytes > TEXT_BYTES_MAX {
                answer.truncated = true;
                return;
            }
            answer.entries.push(entry);
        }
    }
}

/// Bytes of an entry's JSON, nearly.
fn length(entry: &Entry) -> usize {
    /// A count with its comma.
    const COUNT_BYTES: usize = 21;
    let texts = entry.key.iter().chain(&entry.value).chain(&entry.cpus);
    let slots = entry
        .histograms
        .iter()
        .map(|one| one.slots.len() * COUNT_BYTES);
    texts.map(|text| text.get().len()).chain(slots).sum()
}

/// The histograms of a value, or of the values of all CPUs together.
fn histograms(slots: &[Slots], values: &[&[u8]]) -> Vec<Histogram> {
    let drawn = slots.iter().filter_map(|slots| {
        let mut counts = values.iter().map(|value| slots.read(value));
        let mut sum = counts.next()??;
        for more in counts {
            for (sum, count) in sum.iter_mut().zip(more?) {
                *sum = sum.saturating_add(count);
            }
        }
        Some(histogram(slots.field.clone(), slots.scale, slots.unit, sum))
    });
    drawn.collect()
}

fn histogram(
    field: String,
    scale: Scale,
    unit: Option<&'static str>,
    slots: Vec<u64>,
) -> Histogram {
    let (scale, step) = match scale {
        Scale::Log2 => (ShownScale::Log2, 0),
        Scale::Linear { step } => (ShownScale::Linear, step),
    };
    Histogram {
        field,
        scale,
        step,
        unit: unit.map(str::to_owned),
        slots,
    }
}

/// The histogram that a map is: none where a key is no slot, or a sum has no room.
fn by_key(
    entries: &[Ranked],
    key: &Part,
    scale: Scale,
    unit: Option<&'static str>,
) -> Option<Histogram> {
    let mut slots = Vec::new();
    for entry in entries {
        let slot = usize::try_from(key.number(&entry.read.key)?).ok()?;
        let in_bounds = u32::try_from(slot).is_ok_and(|slot| slot < HISTOGRAM_SLOTS_MAX);
        if !in_bounds {
            return None;
        }
        if slots.len() <= slot {
            slots.resize(slot + 1, 0);
        }
        *slots.get_mut(slot)? = u64::try_from(entry.rank?).ok()?;
    }
    Some(histogram(String::new(), scale, unit, slots))
}
