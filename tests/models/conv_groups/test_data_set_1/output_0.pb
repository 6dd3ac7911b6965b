Bq13J@!b€^
˜Uó/¸-AàPTñLaJ9aS%¿IK+EjMch›mä3OA_Ë8}?Û]8tuM-