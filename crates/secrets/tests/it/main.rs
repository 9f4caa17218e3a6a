mod file;
mod inventory;
mod inventory_view;
mod scan;
mod store;
mod token;
mod vault;
mod vault_password;
