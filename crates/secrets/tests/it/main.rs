mod file;
mod inventory;
mod scan;
mod store;
mod token;
mod vault;
mod vault_password;
