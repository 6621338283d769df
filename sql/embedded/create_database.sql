-- Creates the database of the warehouse in the embedded server.
create database stripe_sync
