print("caudal")
