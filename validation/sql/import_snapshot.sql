set transaction snapshot {snapshot}
