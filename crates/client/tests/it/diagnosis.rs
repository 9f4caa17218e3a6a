mod explain;
mod guide;
