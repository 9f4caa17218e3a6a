//! pullpass beside ansible-core's own loader, on inventories.

mod ansible;
mod check;
mod fixtures;
