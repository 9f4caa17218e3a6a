mod file;
mod inventory;
mod store;
mod token;
mod vault;
