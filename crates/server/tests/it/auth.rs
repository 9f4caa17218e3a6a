mod bearer;
mod credential;
mod decision;
mod token;
