//! The events that libyaml, with which Ansible reads, makes of a text. It is C that was translated to Rust, with the
//! interface of C.
#![expect(unsafe_code, reason = "the interface is C's")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::slice;

use libyaml_rs::{
    YAML_ALIAS_EVENT, YAML_MAPPING_START_EVENT, YAML_PLAIN_SCALAR_STYLE, YAML_SCALAR_EVENT, YAML_SEQUENCE_START_EVENT,
    YAML_STREAM_END_EVENT, yaml_event_delete, yaml_event_t, yaml_parser_delete, yaml_parser_initialize,
    yaml_parser_parse, yaml_parser_set_input_string,
};

/// One event, without its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Its number in libyaml.
    kind: u32,
    pub(crate) anchor: Option<Vec<u8>>,
    pub(crate) tag: Option<Vec<u8>>,
    pub(crate) scalar: Option<Scalar>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) value: Vec<u8>,
    pub(crate) is_plain: bool,
}

/// The events of `text`; `None` when libyaml refuses it.
pub(crate) fn events(text: &[u8]) -> Option<Vec<Event>> {
    let mut parser = MaybeUninit::uninit();
    let parser = parser.as_mut_ptr();
    // SAFETY: the parser is initialised before it is used, reads `text` while that is borrowed, and is deleted once.
    unsafe {
        assert!(yaml_parser_initialize(parser).ok, "libyaml has memory");
        yaml_parser_set_input_string(parser, text.as_ptr(), text.len() as u64);
        let mut events = Vec::new();
        let whole = loop {
            let mut event = MaybeUninit::uninit();
            let event = event.as_mut_ptr();
            if !yaml_parser_parse(parser, event).ok {
                break None;
            }
            let is_end = (*event).type_ == YAML_STREAM_END_EVENT;
            events.push(copy(&*event));
            yaml_event_delete(event);
            if is_end {
                break Some(events);
            }
        };
        yaml_parser_delete(parser);
        whole
    }
}

/// # Safety
/// `event` comes from `yaml_parser_parse` and was not deleted.
unsafe fn copy(event: &yaml_event_t) -> Event {
    // SAFETY: the type says which part of the union is there; its texts end with a zero, and scalars have a length.
    unsafe {
        let text = |start: *mut u8| (!start.is_null()).then(|| CStr::from_ptr(start.cast()).to_bytes().to_owned());
        let data = &event.data;
        let (anchor, tag, scalar) = match event.type_ {
            YAML_ALIAS_EVENT => (text(data.alias.anchor), None, None),
            YAML_MAPPING_START_EVENT => (text(data.mapping_start.anchor), text(data.mapping_start.tag), None),
            YAML_SEQUENCE_START_EVENT => (text(data.sequence_start.anchor), text(data.sequence_start.tag), None),
            YAML_SCALAR_EVENT => {
                let value = slice::from_raw_parts(data.scalar.value, data.scalar.length as usize).to_owned();
                let is_plain = data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
                (text(data.scalar.anchor), text(data.scalar.tag), Some(Scalar { value, is_plain }))
            }
            _ => (None, None, None),
        };
        Event { kind: event.type_ as u32, anchor, tag, scalar }
    }
}
