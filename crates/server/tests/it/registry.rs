mod blobs;
mod manifests;
mod root;
mod tags;
mod uploads;
